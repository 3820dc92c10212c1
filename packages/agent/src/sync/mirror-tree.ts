import { type BigIntStats, lstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { type ByteName, byteName, fsPath, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';
import { type FilterRule, filterRules, isExcluded } from './filter-rules.js';
import { HeldDirectory } from './held-directory.js';
import { type MirroredAttributes, setDirectoryAttributes } from './mirror-attributes.js';
import { type MirrorNode, mirrorNode } from './mirror-node.js';
import type { MirrorTask } from './mirror-task.js';
import type { SyncCounts } from './sync-request.js';

/**
 * Makes a directory like another, as `rsync -a --delete` does: types, contents, modes, times (to the microsecond), and
 * owners where that is allowed; hard links become files of their own. What the rules leave out is neither copied nor
 * removed. A file is made beside and takes its name by rename; a directory's own attributes come last. What is not
 * wanted any more is removed when the rest of its directory is there.
 * @param say told what is done, in the form of rsync's -v.
 * @throws DeployError what the system refuses, with the name of the file.
 */
export function mirrorTree(task: MirrorTask, say: (line: string) => void): SyncCounts {
  const mirror = new Mirror(task, say);
  const from = byteName(task.from);
  const source = lstatSync(fsPath(from), { bigint: true });
  mirror.directory(from, byteName(task.to), '', { ...source, mode: BigInt(task.rootMode) });
  return mirror.counts;
}

class Mirror {
  readonly counts = { files: 0, deleted: 0, bytes: 0 };
  readonly #task: MirrorTask;
  readonly #rules: readonly FilterRule[];
  readonly #say: (line: string) => void;

  constructor(task: MirrorTask, say: (line: string) => void) {
    this.#task = task;
    this.#rules = filterRules(task.rules);
    this.#say = say;
  }

  /** @param path below the root; empty for the root. @param to a path to a directory that is there. */
  directory(from: ByteName, to: ByteName, path: ByteName, source: MirroredAttributes): void {
    const held = named(path, () => new HeldDirectory(to));
    try {
      held.openUp();
      const wanted = this.#listed(from, path);
      for (const [name, stats] of wanted) {
        const child = below(path, name);
        if (stats.isDirectory()) this.#subdirectory(`${from}/${name}`, held, name, child, stats);
        else this.#node({ from: `${from}/${name}`, into: held, name, stats }, child);
      }
      for (const name of held.names()) {
        if (!wanted.has(name)) this.#remove(held, name, below(path, name));
      }
      named(path, () => setDirectoryAttributes(held.self, source));
    } finally {
      held.close();
    }
  }

  /** What there is to copy, by name. */
  #listed(from: ByteName, path: ByteName): Map<ByteName, BigIntStats> {
    return named(path, () => {
      const listed = new Map<ByteName, BigIntStats>();
      for (const name of readdirSync(fsPath(from), 'latin1').sort()) {
        const stats = lstatSync(fsPath(`${from}/${name}`), { bigint: true });
        if (!isExcluded(this.#rules, below(path, name), stats.isDirectory())) listed.set(name, stats);
      }
      return listed;
    });
  }

  #subdirectory(from: ByteName, into: HeldDirectory, name: ByteName, path: ByteName, stats: BigIntStats) {
    const to = into.at(name);
    const there = lookAt(to);
    if (there?.isDirectory() !== true) {
      if (there !== undefined) this.#makeWay(into, name, path, there);
      named(path, () => mkdirSync(fsPath(to), 0o700));
      this.#tell(`${path}/`);
    }
    this.directory(from, to, path, stats);
  }

  #node(node: MirrorNode, path: ByteName): void {
    const there = lookAt(node.into.at(node.name));
    if (there?.isDirectory() === true && !this.#makeWay(node.into, node.name, path, there))
      throw new DeployError('exists', `${showName(path)} is a directory that holds what is left out`, {
        hint: 'move it away on the host, or change the rules',
      });
    const isNew = named(path, () => mirrorNode(node, lookAt(node.into.at(node.name)), this.#task.compare));
    if (!isNew) return;
    if (node.stats.isFile()) {
      this.counts.files += 1;
      this.counts.bytes += Number(node.stats.size);
    }
    this.#tell(path);
  }

  /** Removes what the rules do not leave out. @returns false when something of it has to stay. */
  #remove(into: HeldDirectory, name: ByteName, path: ByteName): boolean {
    const stats = lookAt(into.at(name));
    if (stats === undefined) return true;
    if (isExcluded(this.#rules, path, stats.isDirectory())) return false;
    return this.#makeWay(into, name, path, stats);
  }

  /** The same for what has to go whatever the rules say of it itself. @param stats of what is there. */
  #makeWay(into: HeldDirectory, name: ByteName, path: ByteName, stats: BigIntStats): boolean {
    const at = into.at(name);
    if (!stats.isDirectory()) {
      named(path, () => unlinkSync(fsPath(at)));
    } else if (!this.#removeDirectory(at, path)) {
      this.#tell(`cannot delete non-empty directory: ${path}`);
      return false;
    }
    this.counts.deleted += 1;
    this.#tell(`deleting ${path}${stats.isDirectory() ? '/' : ''}`);
    return true;
  }

  #removeDirectory(at: ByteName, path: ByteName): boolean {
    const held = named(path, () => new HeldDirectory(at));
    let isEmpty = true;
    try {
      held.openUp();
      for (const name of held.names()) isEmpty = this.#remove(held, name, below(path, name)) && isEmpty;
    } finally {
      held.close();
    }
    if (isEmpty) named(path, () => rmdirSync(fsPath(at)));
    return isEmpty;
  }

  #tell(line: ByteName): void {
    if (this.#task.verbose) this.#say(Buffer.from(line, 'latin1').toString('utf8'));
  }
}

function below(path: ByteName, name: ByteName): ByteName {
  return path === '' ? name : `${path}/${name}`;
}

function lookAt(path: ByteName): BigIntStats | undefined {
  return lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
}

/** Does something to a file; what goes wrong names the file by its path in the tree. */
function named<T>(path: ByteName, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    const text = errnoOf(error) === undefined ? message : message.replace(/, [a-z]+( .*)?$/s, '');
    throw new DeployError(kind, `${showName(path === '' ? '.' : path)} cannot be synced: ${text}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}
