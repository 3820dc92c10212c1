import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RawEntry, tarOf } from '../../../../shared/test/archive/tar-builder.js';
import { rawLayers } from './raw-layers.js';
import { makeScratch, type Scratch } from './scratch-unpack.js';
import { snapshotTree, withoutFreshTimes } from './tree-snapshot.js';

let scratch: Scratch;
beforeEach(() => {
  scratch = makeScratch();
});
afterEach(() => scratch.remove());

/** Unpacks with both, and expects the same tree. */
async function expectSameTree(archives: readonly string[], begun: number): Promise<void> {
  scratch.empty();
  await scratch.unpackHere(archives);
  const reference = snapshotTree(scratch.reference(archives));
  const ours = snapshotTree(scratch.root);
  expect(withoutFreshTimes(ours, reference, begun)).toEqual(withoutFreshTimes(reference, ours, begun));
}

const pack = (dir: string, archive: string, ...flags: string[]): void => {
  execFileSync('tar', ['-cf', archive, '-C', dir, ...flags, '.']);
};

describe('unpackLayers makes what GNU tar makes: real trees', () => {
  const modules = fileURLToPath(new URL('../../../../../node_modules', import.meta.url));

  it.each([
    ['gzip', '-z'],
    ['zstd', '--zstd'],
  ])('packages of node_modules, as tar and %s', async (_what, flag) => {
    const archive = join(scratch.dir, 'packages.tar');
    pack(join(modules, 'fast-check'), archive, flag);
    const other = join(scratch.dir, 'other.tar');
    pack(join(modules, 'vitest'), other);
    await expectSameTree([archive, other], Date.now());
  });
});

interface Node {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly size: number;
  readonly mode: number;
  /** Seconds, with microseconds that a double holds exactly. */
  readonly mtime: number;
}

const plain = fc.constantFrom(
  'a',
  'b',
  'c.txt',
  'with space',
  'new\nline',
  '-dash',
  'Grüße',
  '日本',
  '\\back',
);
const bytes = fc.constantFrom('raw\xff', '\xe9\xe8');
const long = fc.integer({ min: 101, max: 250 }).map((length) => 'n'.repeat(length));

function nodes(part: fc.Arbitrary<string>): fc.Arbitrary<Node[]> {
  return fc.array(
    fc.record({
      path: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
      kind: fc.constantFrom('file', 'file', 'directory', 'symlink', 'hardlink'),
      size: fc.oneof(fc.nat(2000), fc.constantFrom(0, 512, 300_000)),
      // Readable for its owner, for tar to pack it when the tests do not run as root.
      mode: fc.integer({ min: 0, max: 0o777 }).map((mode) => mode | 0o700),
      mtime: fc.integer({ min: 0, max: 2 ** 32 }).map((value) => value / 4),
    }),
    { maxLength: 14 },
  );
}

/** Makes the tree; what does not fit (a file where a directory is) is left out. Names are UTF-8, or bytes above 0x7f. */
function makeTree(root: string, tree: readonly Node[]): void {
  const native = (path: string) => Buffer.concat([Buffer.from(`${root}/`), rawOrUtf8(path)]);
  let file: Buffer | undefined;
  for (const node of tree) {
    const at = native(node.path);
    const parent = dirname(node.path);
    try {
      if (parent !== '.') mkdirSync(native(parent), { recursive: true });
      if (node.kind === 'directory') mkdirSync(at);
      else if (node.kind === 'symlink') symlinkSync('c.txt', at);
      else if (node.kind === 'hardlink' && file !== undefined) linkSync(file, at);
      else writeFileSync(at, Buffer.alloc(node.size, node.path), { flag: 'wx' });
    } catch {
      // It does not fit.
      continue;
    }
    if (node.kind === 'file') file = at;
    if (node.kind === 'file' || node.kind === 'directory') chmodSync(at, node.mode);
    lutimesSync(at, node.mtime, node.mtime);
  }
}

function rawOrUtf8(path: string): Buffer {
  return path.includes('\xff') || path.includes('\xe9') ? Buffer.from(path, 'latin1') : Buffer.from(path);
}

describe('unpackLayers makes what GNU tar makes: generated trees', () => {
  it.each([
    ['v7', fc.oneof(plain)],
    ['ustar', fc.oneof(plain, bytes)],
    ['gnu', fc.oneof(plain, bytes, long)],
    ['oldgnu', fc.oneof(plain, long)],
    ['pax', fc.oneof(plain, bytes, long)],
  ])('--format=%s', async (format, part) => {
    await fc.assert(
      fc.asyncProperty(nodes(part), nodes(part), async (first, second) => {
        const begun = Date.now();
        const archives = [first, second].map((tree, index) => {
          const dir = join(scratch.dir, 'tree');
          mkdirSync(dir);
          makeTree(dir, tree);
          const archive = join(scratch.dir, `${index}.tar`);
          pack(dir, archive, `--format=${format}`);
          rmSync(dir, { recursive: true });
          return archive;
        });
        const replaced = await failureOf(() => expectSameTree(archives, begun));
        // A file in a later layer cannot replace a directory that holds something; GNU tar fails as well.
        if (replaced) expect(() => scratch.reference(archives)).toThrow(/tar: /);
      }),
      { numRuns: 10 },
    );
  });
});

describe('unpackLayers makes what GNU tar makes: entries in any order', () => {
  it('the same tree, or both refuse, or we refuse what is unsafe', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(rawLayers, async (given) => {
        fc.pre(!given.some(repeatsDirectory));
        const archives = given.map((entries, index) => scratch.archive(`${index}.tar`, tarOf(entries)));
        const refused = await failureOf(() => expectSameTree(archives, Date.now() - 60_000));
        if (refused === 'unsafe') return;
        if (refused !== undefined) expect(() => scratch.reference(archives)).toThrow(/tar: /);
        compared += 1;
      }),
      { numRuns: 100 },
    );
    expect(compared).toBeGreaterThan(30);
  });
});

/**
 * Whether an archive has a directory and then another entry of that path: GNU tar 1.34 keeps the time and mode of the
 * first back and gives it, at the end, to whatever is there by then. That is nothing to imitate.
 */
function repeatsDirectory(entries: readonly RawEntry[]): boolean {
  return entries.some((entry, index) => {
    const later = entries.slice(index + 1);
    return entry.flag === '5' && later.some((other) => pathOf(other) === pathOf(entry));
  });
}

function pathOf(entry: RawEntry): string {
  return posix.join(entry.name).replace(/\/$/, '');
}

/** The kind of the DeployError that stopped the work, or undefined when nothing did. */
async function failureOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (isDeployError(error)) return error.kind;
    throw error;
  }
}

describe('unpackLayers: what later entries do to earlier ones', () => {
  const file = (name: string, content: string): RawEntry => ({ name, content });
  const dir = (name: string, mode = 0o755): RawEntry => ({ name, flag: '5', mode });
  const symlink = (name: string, linkName: string): RawEntry => ({ name, flag: '2', linkName });
  const hardlink = (name: string, linkName: string): RawEntry => ({ name, flag: '1', linkName });

  it.each<[string, RawEntry[], RawEntry[]]>([
    ['a file replaces a file', [file('f', 'old')], [file('f', 'new')]],
    [
      'a file replaces one name of a hard-linked file',
      [file('f', 'old'), hardlink('g', 'f')],
      [file('g', 'new')],
    ],
    ['a file replaces a symlink, not its target', [file('f', 'keep'), symlink('l', 'f')], [file('l', 'new')]],
    ['a symlink replaces a file', [file('f', 'old')], [symlink('f', 'g')]],
    ['a hard link replaces a file', [file('f', 'one'), file('g', 'two')], [hardlink('g', 'f')]],
    ['a hard link to itself', [file('f', 'one')], [hardlink('f', './f')]],
    ['a hard link to a symlink', [file('f', 'one'), symlink('l', 'f')], [hardlink('m', 'l')]],
    ['a file replaces an empty directory', [dir('d')], [file('d', 'new')]],
    ['a directory replaces a file', [file('d', 'old')], [dir('d'), file('d/f', 'x')]],
    [
      'a directory replaces a symlink to a directory',
      [dir('d'), file('d/f', 'x'), symlink('l', 'd')],
      [dir('l'), file('l/g', 'y')],
    ],
    [
      'a directory entry changes the mode of a directory',
      [dir('d', 0o700), file('d/f', 'x')],
      [dir('d', 0o755)],
    ],
    [
      'content under directories of no mode',
      [dir('d', 0), dir('d/e', 0o500), file('d/e/f', 'x')],
      [file('d/e/g', 'y')],
    ],
    ['parents that no entry made', [file('p/q/r', 'x')], [symlink('p/s/t', '../q')]],
  ])('%s', async (_what, first, second) => {
    const archives = [first, second].map((entries, index) => scratch.archive(`${index}.tar`, tarOf(entries)));
    await expectSameTree(archives, Date.now());
  });

  it('an entry of the root gives it its time, and leaves it its mode', async () => {
    scratch.empty();
    const { mode } = statSync(scratch.root);
    await scratch.unpackHere([scratch.archive('0.tar', tarOf([{ ...dir('./', 0o700), mtime: 1000 }]))]);
    expect(snapshotTree(scratch.root)['.']?.mtime).toBe(1_000_000_000n);
    expect(statSync(scratch.root).mode).toBe(mode);
  });

  it('times of directories are those of the archive, even where a later layer wrote into them', async () => {
    const archives = [
      scratch.archive('0.tar', tarOf([{ name: 'd', flag: '5', mtime: 1000 }])),
      scratch.archive('1.tar', tarOf([file('d/f', 'x')])),
    ];
    await scratch.unpack(archives);
    expect(snapshotTree(scratch.root).d?.mtime).toBe(1_000_000_000n);
  });

  it.each<[string, RawEntry[], RegExp]>([
    [
      'a file below a file',
      [file('f', 'x'), file('f/g', 'y')],
      /layer one:v1: entry "f\/g" is refused: .* made the file "f"/,
    ],
    ['a hard link to nothing', [hardlink('h', 'nothing')], /its link target "nothing" does not exist/],
    ['a hard link to a directory', [dir('d'), hardlink('h', 'd')], /its link target "d" is a directory/],
    [
      'a file for a directory that holds something',
      [file('d/f', 'x'), file('d', 'y')],
      /"d" is refused: .*not empty/,
    ],
  ])('refuses %s, as GNU tar does', async (_what, entries, message) => {
    const archive = scratch.archive('0.tar', tarOf(entries));
    await expect(scratch.unpack([archive])).rejects.toThrow(message);
    expect(() => scratch.reference([archive])).toThrow(/tar: /);
  });
});

describe('unpackLayers: its directory', () => {
  it('gives counts', async () => {
    const archive = scratch.archive(
      '0.tar',
      tarOf([
        { name: 'd', flag: '5' },
        { name: 'd/f', content: 'four' },
      ]),
    );
    const stats = await scratch.unpack([archive]);
    expect(stats).toMatchObject({ entries: 2, bytes: 4 });
  });

  it('must be there and empty', async () => {
    const archive = scratch.archive('0.tar', tarOf([]));
    writeFileSync(join(scratch.root, 'left'), '');
    await expect(scratch.unpack([archive])).rejects.toMatchObject({ kind: 'exists' });
    rmSync(scratch.root, { recursive: true });
    await expect(scratch.unpack([archive])).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('stays as it is when the signal was aborted before', async () => {
    const archive = scratch.archive('0.tar', tarOf([{ name: 'f' }]));
    const stopped = scratch.unpack([archive], { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ kind: 'cancelled' });
    expect(readdirSync(scratch.root)).toEqual([]);
  });

  it('is left alone at once when the signal is aborted', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => ({ name: `f${index}`, content: 'x' }));
    const archive = scratch.archive('0.tar', tarOf(many));
    const controller = new AbortController();
    const stopped = scratch.unpack([archive], { signal: controller.signal });
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ kind: 'cancelled' });
    const left = readdirSync(scratch.root).length;
    expect(left).toBeLessThan(20_000);
    expect(readdirSync(scratch.root)).toHaveLength(left);
  });

  it('may have a name that is not ASCII', async () => {
    scratch.empty();
    const renamed = join(scratch.root, 'Größe');
    mkdirSync(renamed);
    const archive = scratch.archive('0.tar', tarOf([{ name: 'caf\xe9', content: 'x' }]));
    const { unpackLayers } = await import('@deploy-tools/agent/release/unpack/run-tree-task.js');
    const { DEFAULT_UNPACK_POLICY } = await import('@deploy-tools/shared/archive/unpack-policy.js');
    const layers = [{ archive, label: 'one:v1' }];
    await unpackLayers(
      { layers, into: renamed, policy: DEFAULT_UNPACK_POLICY, ownership: 'self' },
      new AbortController().signal,
    );
    expect(readdirSync(renamed, 'latin1')).toEqual(['caf\xe9']);
  });
});
