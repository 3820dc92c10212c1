import { lstatSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  memberOf,
  paxOf,
  type RawEntry,
  sealed,
  tarOf,
} from '../../../../shared/test/archive/tar-builder.js';
import { makeScratch, type Scratch } from './scratch-unpack.js';
import { snapshotTree } from './tree-snapshot.js';

let scratch: Scratch;
/** Files around the release that no archive may touch: `<dir>/canary`, `<dir>/work/canary`. */
let canaries: string;
beforeEach(() => {
  scratch = makeScratch();
  writeFileSync(join(scratch.dir, 'canary'), 'untouched');
  writeFileSync(join(scratch.dir, 'work', 'canary'), 'untouched');
  canaries = lookAround();
});
afterEach(() => {
  expect(lookAround()).toBe(canaries);
  scratch.remove();
});

/** What is outside of the release and could be hit from in it: names, contents, link counts, modes and times. */
function lookAround(): string {
  const seen = [scratch.dir, join(scratch.dir, 'work')].flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => !name.endsWith('.tar'))
      .map((name) => join(dir, name)),
  );
  return seen
    .map((path) => {
      const stats = lstatSync(path);
      if (!stats.isFile()) return path;
      return [path, readFileSync(path, 'utf8'), stats.nlink, stats.mode, stats.mtimeMs].join(' ');
    })
    .join('\n');
}

const file = (name: string, content = 'evil'): RawEntry => ({ name, content });
const dir = (name: string): RawEntry => ({ name, flag: '5', mode: 0o755 });
const symlink = (name: string, linkName: string): RawEntry => ({ name, flag: '2', linkName });
const hardlink = (name: string, linkName: string): RawEntry => ({ name, flag: '1', linkName });

function unpack(layers: readonly (readonly RawEntry[])[], policy: Partial<UnpackPolicy> = {}) {
  return scratch.unpack(
    layers.map((entries, index) => scratch.archive(`${index}.tar`, tarOf(entries))),
    { policy },
  );
}

describe('a hostile archive is refused, and nothing of the refused entry is written', () => {
  it.each<[string, RawEntry[][], string, RegExp]>([
    [
      'zip-slip',
      [[file('../canary')]],
      'unsafe',
      /entry "\.\.\/canary" is refused: its name contains "\.\."/,
    ],
    ['zip-slip behind a directory', [[dir('d'), file('d/../../canary')]], 'unsafe', /contains "\.\."/],
    ['zip-slip that stays inside', [[dir('d'), file('d/../x')]], 'unsafe', /contains "\.\."/],
    ['an absolute path', [[file('/tmp/canary')]], 'unsafe', /name is absolute/],
    ['an absolute path with two slashes', [[file('//tmp/canary')]], 'unsafe', /name is absolute/],
    ['no name', [[file('')]], 'unsafe', /name is empty/],
    ['a file as the root', [[file('./.')]], 'unsafe', /replace the root/],
    ['a symlink as the root', [[symlink('.', 'd')]], 'unsafe', /replace the root/],
    [
      'a symlink to an absolute path',
      [[symlink('l', '/etc/passwd')]],
      'unsafe',
      /"\/etc\/passwd" is absolute/,
    ],
    ['a symlink to outside', [[symlink('d/l', '../../canary')]], 'unsafe', /leads outside of the release/],
    ['a symlink out and in again', [[symlink('l', '../root/x')]], 'unsafe', /leads outside of the release/],
    [
      'a chain of symlinks, each harmless by name',
      [[dir('a/b'), symlink('a/b/up', '../..'), symlink('out', 'a/b/up/../canary')]],
      'unsafe',
      /steps back with "\.\." from another link/,
    ],
    [
      'the same chain laid backwards, over two layers',
      [[symlink('out', 'a/b/up/../canary')], [dir('a/b'), symlink('a/b/up', '../..')]],
      'unsafe',
      /layer two:v1: entry "a\/b\/up" is refused/,
    ],
    [
      'a file through a symlink',
      [[dir('d'), symlink('l', 'd'), file('l/f')]],
      'unsafe',
      /through the symlink "l"/,
    ],
    [
      'a file through a symlink to the root',
      [[symlink('l', '.'), file('l/f')]],
      'unsafe',
      /through the symlink "l"/,
    ],
    [
      'a file through a symlink of an earlier layer',
      [[dir('d'), symlink('l', 'd')], [file('l/x/f')]],
      'unsafe',
      /layer two:v1: .*"l"/,
    ],
    ['a directory through a symlink', [[symlink('l', 'd'), dir('l/x')]], 'unsafe', /through the symlink "l"/],
    [
      'a symlink through a symlink',
      [[dir('d'), symlink('l', 'd'), symlink('l/m', 'x')]],
      'unsafe',
      /through the symlink/,
    ],
    [
      'a hard link to an absolute path',
      [[hardlink('h', '/etc/passwd')]],
      'unsafe',
      /not a path inside the release/,
    ],
    ['a hard link to outside', [[hardlink('h', '../canary')]], 'unsafe', /not a path inside the release/],
    ['a hard link to the root', [[hardlink('h', '.')]], 'unsafe', /is the root of the release/],
    [
      'a hard link through a symlink',
      [[dir('d'), file('d/f'), symlink('l', 'd'), hardlink('h', 'l/f')]],
      'unsafe',
      /link target goes through the symlink "l"/,
    ],
    [
      'a hard link that carries a symlink outside',
      [[dir('a/b'), symlink('a/b/up', '../..'), hardlink('up', 'a/b/up')]],
      'unsafe',
      /leads outside/,
    ],
    ['a FIFO', [[{ name: 'p', flag: '6' }]], 'unsafe', /FIFOs are not allowed/],
    [
      'a character device',
      [[{ name: 'n', flag: '3', devMajor: 1, devMinor: 3 }]],
      'unsafe',
      /device nodes are not allowed/,
    ],
    [
      'a block device',
      [[{ name: 'n', flag: '4', devMajor: 8, devMinor: 0 }]],
      'unsafe',
      /device nodes are not allowed/,
    ],
    [
      'a size beyond the limit',
      [[{ name: 'huge', size: base256(2 ** 40) }]],
      'too-large',
      /"huge" is refused: the limit on bytes/,
    ],
    ['a size beyond counting', [[{ name: 'huge', size: Buffer.alloc(12, 0xbf) }]], 'corrupt', /size/],
    [
      'a negative size',
      [[{ name: 'n', size: Buffer.alloc(12, 0xff) }]],
      'corrupt',
      /"n" has a negative size/,
    ],
  ])('%s', async (_what, layers, kind, message) => {
    const refused = layers.at(-1)?.at(-1)?.name ?? '';
    await expect(unpack(layers)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
    expect(readdirSync(scratch.root)).not.toContain(refused);
  });

  it('a NUL in a name', async () => {
    const archive = scratch.archive(
      '0.tar',
      Buffer.concat([paxOf({ path: 'a\0/../../canary' }), tarOf([file('a')])]),
    );
    await expect(scratch.unpack([archive])).rejects.toMatchObject({
      kind: 'unsafe',
      message: expect.stringMatching(/NUL/),
    });
    const target = Buffer.concat([paxOf({ linkpath: 'a\0b' }), tarOf([symlink('l', 'x')])]);
    await expect(scratch.unpack([scratch.archive('1.tar', target)])).rejects.toMatchObject({
      kind: 'unsafe',
    });
    expect(readdirSync(scratch.root)).toEqual([]);
  });

  it('zip-slip by an extended header', async () => {
    const archive = scratch.archive(
      '0.tar',
      Buffer.concat([paxOf({ path: '../canary' }), tarOf([file('harmless')])]),
    );
    await expect(scratch.unpack([archive])).rejects.toMatchObject({ kind: 'unsafe' });
  });

  it('a name longer than a file name can be', async () => {
    const long = Buffer.concat([paxOf({ path: 'x'.repeat(300) }), tarOf([file('short')])]);
    const stopped = scratch.unpack([scratch.archive('0.tar', long)]);
    await expect(stopped).rejects.toThrow(/is refused: a part of its name is longer than 255 bytes/);
  });
});

describe('what is not refused', () => {
  it('setuid, setgid and sticky bits are left out, or kept when allowed', async () => {
    const entries = [
      { ...file('f'), mode: 0o6755 },
      { ...dir('d'), mode: 0o1777 },
    ];
    await unpack([entries]);
    expect(modes()).toEqual([0o755, 0o777]);
    scratch.empty();
    await unpack([entries], { allow: { ...DEFAULT_UNPACK_POLICY.allow, setid: true } });
    expect(modes()).toEqual([0o6755, 0o1777]);
  });

  it('a symlink to outside, when allowed; a file through it is refused all the same', async () => {
    const allow = { ...DEFAULT_UNPACK_POLICY.allow, outsideLinks: true };
    await unpack([[symlink('l', '../canary')], [file('l', 'mine')]], { allow });
    expect(readFileSync(join(scratch.root, 'l'), 'utf8')).toBe('mine');
    scratch.empty();
    await expect(unpack([[symlink('l', '..'), file('l/canary')]], { allow })).rejects.toMatchObject({
      kind: 'unsafe',
    });
  });

  it('a FIFO, when allowed', async () => {
    await unpack([[{ name: 'p', flag: '6', mode: 0o620 }]], {
      allow: { ...DEFAULT_UNPACK_POLICY.allow, fifos: true },
    });
    const stats = statSync(join(scratch.root, 'p'));
    expect(stats.isFIFO()).toBe(true);
    expect(stats.mode & 0o777).toBe(0o620);
    expect(stats.mtimeMs).toBe(1_500_000_000_000);
  });
});

describe('a bomb is stopped', () => {
  it('by the expansion ratio', async () => {
    const archive = scratch.archive(
      '0.tar',
      gzipSync(Buffer.concat([memberOf({ name: 'zeros', size: 2 ** 30 }), Buffer.alloc(100 * 1024 * 1024)])),
    );
    const stopped = scratch.unpack([archive], { policy: { maxRatio: 200 } });
    await expect(stopped).rejects.toMatchObject({
      kind: 'too-large',
      message: 'layer one:v1: the limit on expansion ratio, 200, is exceeded',
    });
  });

  it('by the number of entries, counted over all layers', async () => {
    const layers = [
      [file('a'), file('b')],
      [file('c'), file('d')],
    ];
    await expect(unpack(layers, { maxEntries: 3 })).rejects.toThrow(
      'entry "d" is refused: the limit on entries, 3,',
    );
    expect(readdirSync(scratch.root)).toEqual(['a', 'b', 'c']);
  });

  it('by the bytes, counted over all layers', async () => {
    const layers = [[file('a', 'x'.repeat(5000))], [file('b', 'x'.repeat(5000))]];
    await expect(unpack(layers, { maxBytes: 12_000 })).rejects.toMatchObject({ kind: 'too-large' });
    expect(readdirSync(scratch.root)).toEqual(['a']);
  });
});

describe('a damaged archive', () => {
  const archive = Buffer.concat([
    paxOf({ path: 'long/name', mtime: '1.5' }),
    tarOf([
      file('a', 'x'.repeat(1100)),
      dir('d'),
      symlink('d/l', '../a'),
      hardlink('h', 'long/name'),
      file('d/f', 'y'),
    ]),
  ]);

  it('cut at any block is refused as corrupt, naming the entry where it was cut', async () => {
    for (let end = 512; end < archive.length - 512; end += 512) {
      scratch.empty();
      const stopped = scratch.unpackHere([scratch.archive('0.tar', archive.subarray(0, end))]);
      await expect(stopped).rejects.toMatchObject({
        kind: 'corrupt',
        message: expect.stringMatching(/^layer one:v1: the archive is cut off/),
      });
    }
  });

  it('is unpacked or refused with a DeployError, and never reaches outside', async () => {
    const damage = fc.record({
      flips: fc.array(fc.tuple(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 5,
      }),
      // Without right checksums nearly all damage ends at the header.
      reseal: fc.boolean(),
      policy: fc.constantFrom(
        {},
        { maxBytes: 4096 },
        { allow: { ...DEFAULT_UNPACK_POLICY.allow, outsideLinks: true } },
      ),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ flips, reseal, policy }) => {
        const damaged = Buffer.from(archive);
        for (const [at, mask] of flips) damaged[at] = (damaged[at] ?? 0) ^ mask;
        for (const [at] of reseal ? flips : [])
          sealed(damaged.subarray(at - (at % 512), at - (at % 512) + 512));
        scratch.empty();
        try {
          await scratch.unpackHere([scratch.archive('0.tar', damaged)], { policy });
        } catch (error) {
          if (!isDeployError(error)) throw error;
          expect(error.kind).not.toBe('internal');
        }
        expect(lookAround()).toBe(canaries);
      }),
      { numRuns: 300 },
    );
  });
});

describe('hostile sequences of entries', () => {
  const part = fc.constantFrom('a', 'b', '..', '.', 'canary');
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const target = fc.oneof(name, fc.constantFrom('/', '../..', '../canary', '../../canary'));
  const entry: fc.Arbitrary<RawEntry> = fc.record({
    name,
    linkName: target,
    flag: fc.constantFrom('0', '1', '2', '2', '5'),
  });

  it('never reach outside, and leave no link that does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(entry, { maxLength: 10 }), { minLength: 1, maxLength: 3 }),
        async (layers) => {
          scratch.empty();
          const archives = layers.map((entries, index) => scratch.archive(`${index}.tar`, tarOf(entries)));
          await scratch.unpackHere(archives).catch((error) => {
            if (!isDeployError(error)) throw error;
          });
          expect(lookAround()).toBe(canaries);
          for (const [path, node] of Object.entries(snapshotTree(scratch.root))) {
            if (node.type !== 'symlink') continue;
            const found = realpathOf(join(scratch.root, path));
            if (found !== undefined) expect(`${found}/`).toContain(`${scratch.root}/`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Where a link leads, or undefined for one that leads nowhere. */
function realpathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function modes(): number[] {
  return ['f', 'd'].map((name) => statSync(join(scratch.root, name)).mode & 0o7777);
}

function base256(value: number): Buffer {
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt(value), 4);
  field[0] = 0x80;
  return field;
}
