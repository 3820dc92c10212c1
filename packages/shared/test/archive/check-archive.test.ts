import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkArchive } from '@deploy-tools/shared/archive/check-archive.js';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { END_OF_ARCHIVE, gnuLong, memberOf, paxOf, tarOf } from './tar-builder.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'check-archive-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const tar = tarOf([
  { name: 'd/', flag: '5' },
  { name: 'd/a', content: 'x'.repeat(200_000) },
  { name: 'd/b', content: 'y'.repeat(100) },
]);
const summary = { entries: 3, bytes: 200_100 };

function file(content: Uint8Array): string {
  const path = join(dir, 'archive');
  writeFileSync(path, content);
  return path;
}

function check(
  content: Uint8Array,
  policy: Partial<UnpackPolicy> = {},
  signal = new AbortController().signal,
) {
  return checkArchive(file(content), { ...DEFAULT_UNPACK_POLICY, ...policy }, signal);
}

const gzip = (input: Uint8Array): Buffer => execFileSync('gzip', ['-c'], { input });
const zstd = (input: Uint8Array, ...args: string[]): Buffer =>
  execFileSync('zstd', ['-c', ...args], { input });

describe('checkArchive: compression', () => {
  it.each([
    ['tar', tar],
    ['gzip', gzip(tar)],
    ['gzip in several members', Buffer.concat([gzip(tar.subarray(0, 1000)), gzip(tar.subarray(1000))])],
    ['gzip followed by zeros', Buffer.concat([gzip(tar), Buffer.alloc(10_000)])],
    ['zstd', zstd(tar)],
    ['zstd in several frames', Buffer.concat([zstd(tar.subarray(0, 7)), zstd(tar.subarray(7), '-19')])],
    ['zstd with a skippable frame', Buffer.concat([Buffer.from('502a4d1803000000616263', 'hex'), zstd(tar)])],
  ])('reads %s', async (_what, archive) => {
    expect(await check(archive)).toEqual(summary);
  });

  it.each([
    [
      'gzip with trailing garbage',
      Buffer.concat([gzip(tar), Buffer.from('garbage')]),
      /gzip data is damaged/,
    ],
    ['gzip with a wrong checksum', flipped(gzip(tar), -6), /gzip data is damaged/],
    [
      'zstd with trailing garbage',
      Buffer.concat([zstd(tar), Buffer.from('garbage')]),
      /zstd data is damaged/,
    ],
    ['zstd with a wrong checksum', flipped(zstd(tar), -2), /zstd data is damaged/],
    ['gzip of a cut tar', gzip(tar.subarray(0, 2000)), /cut off in or after "d\/a"/],
    ['gzip of text', gzip(Buffer.alloc(1000, 'text')), /does not begin with a tar header/],
  ])('refuses %s', async (_what, archive, message) => {
    await expect(check(archive)).rejects.toThrow(message);
    await expect(check(archive)).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it.each([
    ['gzip', gzip(tar)],
    ['zstd', zstd(tar)],
  ])('refuses %s cut anywhere', async (_what, archive) => {
    const path = file(archive);
    for (let end = archive.length - 1; end >= 4; end = end > 200 ? end - 37 : end - 1) {
      truncateSync(path, end);
      const checked = checkArchive(path, DEFAULT_UNPACK_POLICY, new AbortController().signal);
      await expect(checked).rejects.toMatchObject({ kind: 'corrupt' });
    }
  });

  it('gives a DeployError for any damage to compressed data', async () => {
    const archives = [gzip(tar), zstd(tar)];
    const damage = fc.record({
      archive: fc.constantFrom(...archives),
      flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ archive, flips }) => {
        const damaged = Buffer.from(archive);
        for (const [at, mask] of flips)
          damaged[at % damaged.length] = (damaged[at % damaged.length] ?? 0) ^ mask;
        await check(damaged).catch((error) => expect(error).toBeInstanceOf(DeployError));
      }),
      { numRuns: 300 },
    );
  });
});

describe('checkArchive: bounds', () => {
  it.each([
    ['gzip', gzip],
    ['zstd', zstd],
  ])('stops a bomb of %s by its ratio, in bounded memory', async (_what, compress) => {
    const bomb = compress(
      Buffer.concat([
        tarOf([{ name: 'zeros', size: 2 ** 32 }]).subarray(0, 512),
        Buffer.alloc(100 * 1024 * 1024),
      ]),
    );
    const before = process.memoryUsage().rss;
    await expect(check(bomb, { maxRatio: 200 })).rejects.toMatchObject({
      kind: 'too-large',
      message: 'the limit on expansion ratio, 200, is exceeded',
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
  });

  it('counts bytes behind the end of the archive too', async () => {
    const padded = Buffer.concat([tar, Buffer.alloc(1_000_000)]);
    await expect(check(gzip(padded), { maxBytes: 500_000 })).rejects.toThrow(/limit on bytes, 500000/);
  });
});

describe('checkArchive: headers that are no entries', () => {
  const entries = { maxEntries: 10 };
  const many = (header: Buffer, count: number) =>
    Buffer.concat([...Array.from({ length: count }, () => header), memberOf({ name: 'a' }), END_OF_ARCHIVE]);

  it.each([
    ['global headers of pax', paxOf({ mtime: '1' }, 'g'), 10],
    ['headers of pax for one member', paxOf({ mtime: '1' }), 13],
    ['long names for one member', gnuLong('L', 'a'), 13],
    ['volume labels', memberOf({ name: 'label', flag: 'V' }), 10],
  ])('count as entries: %s', async (_what, header, count) => {
    await expect(check(many(header, count), entries)).rejects.toMatchObject({
      kind: 'too-large',
      message: expect.stringMatching(/entries/),
    });
    expect(await check(many(header, count - 1), entries)).toMatchObject({ entries: 1 });
  });

  it('do not where each member has its own', async () => {
    const member = Buffer.concat([
      paxOf({ mtime: '1' }),
      gnuLong('K', 'b'),
      gnuLong('L', 'a'),
      memberOf({ name: 'a' }),
    ]);
    const archive = Buffer.concat([...Array.from({ length: 10 }, () => member), END_OF_ARCHIVE]);
    expect(await check(archive, entries)).toMatchObject({ entries: 10 });
  });
});

describe('checkArchive: the file', () => {
  it('names a file that is not there', async () => {
    const checked = checkArchive(join(dir, 'missing'), DEFAULT_UNPACK_POLICY, new AbortController().signal);
    await expect(checked).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('refuses what is not an archive', async () => {
    await expect(check(readFileSync(process.execPath).subarray(0, 4096))).rejects.toMatchObject({
      kind: 'invalid',
    });
    await expect(check(Buffer.alloc(0))).rejects.toThrow('the archive is empty');
  });

  it.each([
    [
      'a file below a file',
      tarOf([{ name: 'x' }, { name: 'x/y' }]),
      /entry "x\/y" is refused: .* the file "x"/,
    ],
    [
      'a name that no file system takes',
      Buffer.concat([gnuLong('L', `d/${'n'.repeat(256)}`), tarOf([{ name: 'cut' }])]),
      /longer than 255 bytes/,
    ],
  ])('refuses %s, as unpacking would', async (_what, archive, message) => {
    await expect(check(archive)).rejects.toThrow(message);
    await expect(check(archive)).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('stops when told so', async () => {
    const stopped = check(gzip(Buffer.concat([tar, Buffer.alloc(50_000_000)])), {}, AbortSignal.abort());
    await expect(stopped).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

function flipped(archive: Buffer, at: number): Buffer {
  const damaged = Buffer.from(archive);
  const index = damaged.length + at;
  damaged[index] = (damaged[index] ?? 0) ^ 0xff;
  return damaged;
}
