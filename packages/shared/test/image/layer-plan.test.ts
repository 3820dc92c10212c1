import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { planLayers } from '@deploy-tools/shared/image/layer-plan.js';
import { scanLayer } from '@deploy-tools/shared/image/read-layer.js';
import { resolveEntries, type ScannedEntry } from '@deploy-tools/shared/image/resolve-entries.js';
import { rewriteLayer } from '@deploy-tools/shared/image/rewrite-layer.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../client/ssh-tools.js';
import { type MadeEntry, makeTar } from './make-image.js';
import { mergeLayers } from './merge-layers.js';

const SIGNAL = new AbortController().signal;

/** The layers as deploy-from-docker would upload them, without the compression. */
async function rewritten(layers: readonly (readonly MadeEntry[])[]): Promise<Buffer[]> {
  const dir = temporaryDirectory();
  const files = layers.map((entries, index) => {
    const path = join(dir, `layer-${index}`);
    const tar = makeTar(entries);
    writeFileSync(path, tar);
    return { file: { path }, diffId: undefined, label: 'layer' };
  });
  const scanned: ScannedEntry[][] = [];
  for (const file of files) scanned.push(await scanLayer(file, SIGNAL));
  const plans = planLayers(resolveEntries(scanned));
  const policy = new EntryPolicy(DEFAULT_UNPACK_POLICY);
  const archives: Buffer[] = [];
  for (const [index, file] of files.entries()) {
    const parts: Uint8Array[] = [];
    for await (const part of rewriteLayer(file, { plan: plans[index] ?? [], policy }, SIGNAL)) {
      parts.push(part);
    }
    archives.push(Buffer.concat(parts));
  }
  return archives;
}

const merge = async (...layers: (readonly MadeEntry[])[]) => mergeLayers(await rewritten(layers));
const file = (path: string, content = path): MadeEntry => ({ path, content });
const dir = (path: string): MadeEntry => ({ path });

describe('whiteouts', () => {
  test('remove from lower layers what they name, with all below', async () => {
    const lower = [dir('a'), file('a/x'), dir('a/d'), file('a/d/y'), file('ab'), file('b')];
    expect(await merge(lower, [dir('a'), file('a/.wh.d', ''), file('.wh.b', '')])).toEqual({
      a: 'dir',
      'a/x': 'a/x',
      ab: 'ab',
    });
  });

  test('leave what their own layer and later layers have', async () => {
    expect(await merge([file('x', 'old')], [file('x', 'new'), file('.wh.x', '')], [file('y')])).toEqual({
      x: 'new',
      y: 'y',
    });
    expect(await merge([file('x')], [file('.wh.x', '')], [file('x', 'again')])).toEqual({ x: 'again' });
  });

  test('that are opaque empty the directory of lower layers and keep what their own layer has', async () => {
    const lower = [dir('a'), file('a/x'), dir('a/d'), file('a/d/y')];
    const upper = [dir('a'), file('a/new'), file('a/.wh..wh..opq', ''), dir('a/d')];
    expect(await merge(lower, upper)).toEqual({ a: 'dir', 'a/new': 'a/new', 'a/d': 'dir' });
    expect(await merge([file('x')], [file('.wh..wh..opq', ''), file('y')])).toEqual({ y: 'y' });
  });

  test('of AUFS itself are left out, and remove nothing', async () => {
    const upper = [dir('.wh..wh.plnk'), file('.wh..wh.plnk/1.2'), file('.wh..wh.aufs', '')];
    expect(await merge([file('plnk'), file('.wh.aufs', '')], upper)).toEqual({ plnk: 'plnk' });
  });

  test('never reach the output', async () => {
    const archives = await rewritten([
      [file('.wh.x', ''), dir('d'), file('d/.wh..wh..opq', ''), file('d/.wh.', '')],
    ]);
    expect(Buffer.concat(archives).includes('.wh.')).toBe(false);
  });
});

describe('a change of kind', () => {
  test('file over directory, directory over file, directory over symlink', async () => {
    const lower = [dir('a'), file('a/x'), file('b'), dir('c'), file('c/x'), { path: 'l', symlink: 'c' }];
    const upper = [file('a', 'now a file'), dir('b'), file('b/y'), dir('l'), file('l/z')];
    expect(await merge(lower, upper)).toEqual({
      a: 'now a file',
      b: 'dir',
      'b/y': 'b/y',
      c: 'dir',
      'c/x': 'c/x',
      l: 'dir',
      'l/z': 'l/z',
    });
  });
});

describe('hard links', () => {
  test('keep the content when the file they name is removed above', async () => {
    const lower = [
      file('a', 'content'),
      { path: 'b', hardlink: 'a' },
      { path: 'c', hardlink: 'a' },
      { path: 'd', hardlink: 'b' },
    ];
    expect(await merge(lower, [file('.wh.a', '')])).toEqual({ b: 'content', c: 'content', d: 'content' });
    expect(await merge(lower, [file('.wh.a', ''), file('.wh.b', '')])).toEqual({
      c: 'content',
      d: 'content',
    });
    expect(await merge(lower, [file('.wh.b', '')])).toEqual({ a: 'content', c: 'content', d: 'content' });
  });

  test('into the store of AUFS become the file', async () => {
    const lower = [
      dir('.wh..wh.plnk'),
      file('.wh..wh.plnk/1', 'kept'),
      { path: 'x', hardlink: '.wh..wh.plnk/1' },
    ];
    expect(await merge(lower)).toEqual({ x: 'kept' });
  });
});

describe('symlinks', () => {
  test('that are absolute or step above the root stay inside, the others as they are', async () => {
    const links = {
      'usr/bin/sh': '/bin/busybox',
      mtab: '/proc/mounts',
      root: '/',
      'usr/up': '../../../etc',
      near: 'usr/bin',
      'usr/bin/x': '../../near',
    };
    const entries = [
      dir('usr'),
      dir('usr/bin'),
      ...Object.entries(links).map(([path, symlink]) => ({ path, symlink })),
    ];
    expect(await merge(entries)).toEqual({
      usr: 'dir',
      'usr/bin': 'dir',
      'usr/bin/sh': '-> ../../bin/busybox',
      mtab: '-> proc/mounts',
      root: '-> .',
      'usr/up': '-> ../etc',
      near: '-> usr/bin',
      'usr/bin/x': '-> ../../near',
    });
  });
});

describe('a path through a symlink of the image', () => {
  const link = (path: string, symlink: string): MadeEntry => ({ path, symlink });
  const lower = [dir('usr'), dir('usr/bin'), file('usr/bin/old'), link('bin', 'usr/bin')];

  test.each<[string, readonly MadeEntry[][], Record<string, string>]>([
    [
      'comes to lie where the symlink leads',
      [[file('bin/new')]],
      { 'usr/bin/new': 'bin/new', 'usr/bin/old': 'usr/bin/old' },
    ],
    [
      'also in its own layer, and through several, absolute and above the root',
      [[link('sbin', '/bin'), link('usr/local', '../../../sbin/.'), file('usr/local/new', 'n')]],
      {
        sbin: '-> bin',
        'usr/local': '-> ../sbin',
        'usr/bin/new': 'n',
        'usr/bin/old': 'usr/bin/old',
      },
    ],
    ['overwrites what is there', [[file('bin/old', 'newer')]], { 'usr/bin/old': 'newer' }],
    ['is followed by whiteouts', [[file('bin/.wh.old', '')]], {}],
    ['is followed by opaque whiteouts', [[file('bin/.wh..wh..opq', '')]], {}],
    [
      'is followed by what a hard link names',
      [[file('bin/new', 'n'), { path: 'link', hardlink: 'bin/new' }]],
      { link: 'n', 'usr/bin/new': 'n', 'usr/bin/old': 'usr/bin/old' },
    ],
    [
      'needs no directory to lead to',
      [[link('opt', 'srv/opt'), file('opt/x', 'x')]],
      { opt: '-> srv/opt', srv: 'dir', 'srv/opt': 'dir', 'srv/opt/x': 'x', 'usr/bin/old': 'usr/bin/old' },
    ],
  ])('%s', async (_what, upper, expected) => {
    expect(await merge(lower, ...upper)).toEqual({
      bin: '-> usr/bin',
      usr: 'dir',
      'usr/bin': 'dir',
      ...expected,
    });
  });

  test('is one no more once a directory took the place of the symlink', async () => {
    const expected = { bin: 'dir', 'bin/new': 'n', usr: 'dir', 'usr/bin': 'dir' };
    const replaced = { ...expected, 'usr/bin/old': 'usr/bin/old' };
    expect(await merge(lower, [dir('bin'), file('bin/new', 'n')])).toEqual(replaced);
    expect(await merge(lower, [file('.wh.bin', ''), file('bin/new', 'n')])).toEqual(replaced);
    expect(await merge(lower, [file('.wh.bin', '')], [file('bin/new', 'n')])).toEqual(replaced);
    const emptied = [file('.wh..wh..opq', ''), file('bin/new', 'n')];
    expect(await merge(lower, emptied)).toEqual({ bin: 'dir', 'bin/new': 'n' });
  });

  test('that goes in a circle is refused', async () => {
    await expect(rewritten([[link('a', 'b'), link('b', 'a')], [file('a/x')]])).rejects.toThrow(
      /the symlinks of the directory "a" form a circle/,
    );
  });
});

test('layers that no agent would unpack are refused', async () => {
  await expect(rewritten([[file('f')], [file('f/x')]])).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/layer of the image: entry "f\/x" is refused: .* the file "f"/),
  });
  const late = [file('bin/x'), { path: 'bin', symlink: 'usr/bin' }];
  await expect(rewritten([late])).rejects.toThrow(/entry "bin" is refused: .*not empty/);
});

type Tree = { readonly [name: string]: Tree | string };

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom('1', '2'), tie('tree')),
    { maxKeys: 3 },
  ),
})).tree;

/** Entries of a tree: whiteouts are names of their own, `!a` for `.wh.a`, `!` for opaque. */
function entriesOf(node: Tree, prefix: string, seed: readonly string[]): MadeEntry[] {
  const own = Object.entries(node).flatMap(([name, child]) =>
    typeof child === 'string'
      ? [file(prefix + name, child)]
      : [dir(prefix + name), ...entriesOf(child, `${prefix}${name}/`, seed)],
  );
  const whiteouts = seed
    .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
    .map((path) => file(`${prefix}.wh.${path.slice(prefix.length) || '.wh..opq'}`, ''));
  return [...own, ...whiteouts];
}

/** What the image specification says, done on a plain map: first the removals, then the additions. */
function apply(state: Map<string, string>, entries: readonly MadeEntry[]): void {
  const drop = (test: (path: string) => boolean) => {
    for (const path of [...state.keys()]) if (test(path)) state.delete(path);
  };
  for (const { path } of entries) {
    const [, parent = '', name = ''] = /^(.*\/)?\.wh\.(.*)$/.exec(path) ?? [undefined, undefined, undefined];
    if (name === '.wh..opq') drop((other) => other.startsWith(parent));
    else if (name !== '') drop((other) => other === parent + name || other.startsWith(`${parent}${name}/`));
  }
  for (const { path, content } of entries) {
    if (path.includes('.wh.')) continue;
    if (content !== undefined) drop((other) => other.startsWith(`${path}/`));
    state.set(path, content === undefined ? 'dir' : String(content));
  }
}

test('any layers merge to what the image specification says', async () => {
  const whiteout = fc.constantFrom('', 'a', 'b', 'c', 'a/', 'a/a', 'a/b', 'b/', 'b/c', 'a/b/c', 'a/b/');
  const layer = fc
    .tuple(tree, fc.uniqueArray(whiteout, { maxLength: 3 }))
    .map(([node, whiteouts]) => entriesOf(node, '', whiteouts));
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), async (layers) => {
      const expected = new Map<string, string>();
      for (const entries of layers) apply(expected, entries);
      expect(await merge(...layers)).toEqual(Object.fromEntries(expected));
    }),
    { numRuns: 100 },
  );
});
