import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import zlib from 'node:zlib';
import { NapiZstd } from '@deploy-tools/shared/zstd/napi-zstd.js';
import { openZstd } from '@deploy-tools/shared/zstd/open-zstd.js';
import type { Zstd } from '@deploy-tools/shared/zstd/zstd.js';
import { ZstdFrames } from '@deploy-tools/shared/zstd/zstd-frames.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf, kindOfRejection } from '../support/kind-of.js';

const require = createRequire(import.meta.url);
const isInstalled = isResolvable('zstd-napi/binding.js');
const WAYS: [string, () => Zstd][] = [
  ['as this Node.js gets it', () => openZstd()],
  ...(isInstalled ? ([['by zstd-napi', () => openZstd({})]] satisfies [string, () => Zstd][]) : []),
];

function isResolvable(name: string): boolean {
  try {
    return require.resolve(name) !== '';
  } catch {
    return false;
  }
}

const zstd = (input: Uint8Array, ...args: string[]): Buffer =>
  execFileSync('zstd', ['-c', ...args], { input, maxBuffer: 1e9 });
const SKIPPABLE = Buffer.from('502a4d1803000000616263', 'hex');
const TEXT = Buffer.from('what is compressed, '.repeat(5000));
/** Without a content size and without a checksum, with both; of no content; of many blocks; of noise. */
const FRAMES = [
  zstd(TEXT, '--no-check'),
  zstd(TEXT, '--check', `--stream-size=${TEXT.length}`),
  zstd(Buffer.alloc(0)),
  zstd(Buffer.alloc(1_000_000)),
  zstd(Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 2_654_435_761) >>> 13))),
  zstd(TEXT, '-19', '--long=27'),
  SKIPPABLE,
];

async function content(library: Zstd, pieces: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  async function* source() {
    yield* pieces;
  }
  for await (const part of library.chunks(source())) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** Bytes in pieces that end at these places. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe.each(WAYS)('zstd, %s', (_how, open) => {
  it('reads frames one after another, whatever pieces they come in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...FRAMES), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (frames, places) => {
          const whole = execFileSync('zstd', ['-dc'], { input: Buffer.concat(frames), maxBuffer: 1e9 });
          const read = await content(open(), cutAt(Buffer.concat(frames), places));
          expect(read.equals(whole)).toBe(true);
        },
      ),
      { numRuns: 30, examples: [[[SKIPPABLE], [SKIPPABLE.length]]] }, // an empty piece behind a frame
    );
  });

  it('says what is cut, in any place, and what is damaged', async () => {
    const bytes = Buffer.concat([FRAMES[1] ?? SKIPPABLE, SKIPPABLE]);
    for (const at of [1, 5, 9, bytes.length - 12, bytes.length - 1]) {
      await expect(content(open(), [bytes.subarray(0, at)])).rejects.toThrow('ends early');
    }
    for (const at of [0, 40, (FRAMES[1]?.length ?? 0) - 2, (FRAMES[1]?.length ?? 0) + 3]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      expect(await kindOfRejection(content(open(), [damaged]))).toBe('corrupt');
    }
  });

  it('refuses a window of more than 128 MiB', async () => {
    const wide = Buffer.from('28b52ffd009009000061', 'hex'); // its window descriptor says 256 MiB
    await expect(content(open(), [wide])).rejects.toThrow('zstd data is damaged');
  });

  it('passes on what the source throws', async () => {
    async function* failing() {
      yield FRAMES[3]?.subarray(0, 20) ?? SKIPPABLE;
      throw new Error('the disk is gone');
    }
    const reading = async () => {
      for await (const _part of open().chunks(failing()));
    };
    await expect(reading()).rejects.toThrow('the disk is gone');
  });

  it('gives the bytes that the other gives, and takes them', () => {
    const other = isInstalled ? new NapiZstd(require('zstd-napi/binding.js')) : openZstd();
    for (const data of [TEXT, Buffer.alloc(0), Buffer.from('a'), TEXT.subarray(0, 300)]) {
      const made = Buffer.from(open().compress(data, 3));
      if (other.version === open().version) expect(made).toEqual(Buffer.from(other.compress(data, 3)));
      expect(other.decompress(made, data.length, Buffer.alloc(data.length))).toEqual(data);
    }
  });
});

describe('which zstd', () => {
  it('is that of Node.js where it has one', () => {
    expect(openZstd() instanceof NapiZstd).toBe(!('createZstdDecompress' in zlib));
  });

  it('is told where there is none, with what to do', () => {
    const missing = () => {
      throw new Error("Cannot find module 'zstd-napi/binding.js'\nRequire stack: x");
    };
    expect(kindOf(() => openZstd({}, missing))).toBe('unsupported');
    expect(() => openZstd({}, missing)).toThrow(
      /has no zstd, and the package zstd-napi cannot be loaded: Cannot find module \S+$/,
    );
  });
});

it('the ends of frames are found in any pieces, and nothing but an Error is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...FRAMES), (noise, frame) => {
      const bytes = Buffer.concat([frame.subarray(0, 5), noise, frame]);
      const frames = new ZstdFrames();
      for (let at = 0; at < bytes.length; ) {
        let read = 0;
        try {
          read = frames.advance(bytes.subarray(at));
        } catch (error) {
          expect(String(error)).toMatch(/^Error: (Unknown frame descriptor|Data corruption detected)$/);
          return;
        }
        expect(read).toBeGreaterThan(0);
        at += read;
      }
    }),
  );
});
