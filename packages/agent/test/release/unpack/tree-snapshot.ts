import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What a tree is, as far as tar can say it; comparable with toEqual. */
export type TreeSnapshot = Record<string, NodeSnapshot>;

export interface NodeSnapshot {
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  /** Permission bits in octal; setuid, setgid and sticky left out. A symlink has none. */
  readonly mode: string;
  /** Microseconds since 1970. */
  readonly mtime: bigint;
  readonly content: string;
  /** The first path of those that share the file; empty when there is one. */
  readonly sameAs: string;
}

/** Takes a snapshot, the root included as `.`. Names are bytes, one character each. */
export function snapshotTree(root: string): TreeSnapshot {
  const snapshot: TreeSnapshot = {};
  const firstPaths = new Map<bigint, string>();
  const visit = (path: string): void => {
    const bytes = Buffer.from(`${root}/${path}`, 'latin1');
    const stats = lstatSync(bytes, { bigint: true });
    const sameAs = stats.nlink > 1n && !stats.isDirectory() ? firstPaths.get(stats.ino) : undefined;
    if (sameAs === undefined) firstPaths.set(stats.ino, path);
    snapshot[path] = { ...describe(bytes, stats), sameAs: sameAs ?? '' };
    if (!stats.isDirectory()) return;
    for (const name of readdirSync(bytes, { encoding: 'latin1' }).sort())
      visit(path === '.' ? name : `${path}/${name}`);
  };
  visit('.');
  return snapshot;
}

function describe(path: Buffer, stats: BigIntStats): Omit<NodeSnapshot, 'sameAs'> {
  const mode = (stats.mode & 0o777n).toString(8);
  const mtime = stats.mtimeNs / 1000n;
  if (stats.isDirectory()) return { type: 'directory', mode, mtime, content: '' };
  if (stats.isSymbolicLink())
    return { type: 'symlink', mode: '', mtime, content: readlinkSync(path, 'latin1') };
  if (!stats.isFile()) return { type: 'other', mode, mtime, content: `${stats.mode} ${stats.rdev}` };
  return {
    type: 'file',
    mode,
    mtime,
    content: createHash('sha256').update(readFileSync(path)).digest('hex'),
  };
}

/**
 * The snapshot without the times that nobody set: those of directories younger than `begun`, which differ from run to
 * run. For both trees: a directory left out of one is left out of the other.
 */
export function withoutFreshTimes(tree: TreeSnapshot, other: TreeSnapshot, begun: number): TreeSnapshot {
  const fresh = (node: NodeSnapshot | undefined): boolean =>
    node?.type === 'directory' && node.mtime >= BigInt(begun) * 1000n;
  return Object.fromEntries(
    Object.entries(tree).map(([path, node]) =>
      fresh(node) || fresh(other[path]) ? [path, { ...node, mtime: -1n }] : [path, node],
    ),
  );
}
