import { createHash } from 'node:crypto';
import { ContentChunker, MIN_CHUNK, WHOLE_FILE } from '@deploy-tools/shared/layers/content-chunker.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from './manifest-values.js';

/** The same bytes for the same seed, on every machine. */
function randomBytesOf(seed: number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at * 32 < length; at++) parts.push(createHash('sha256').update(`${seed}.${at}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

function chunksOf(content: Buffer, pieces: readonly number[] = [content.length]): Buffer[] {
  const chunks: Buffer[] = [];
  const chunker = new ContentChunker((chunk) => chunks.push(Buffer.from(chunk)));
  chunker.begin(content.length);
  let at = 0;
  for (let turn = 0; at < content.length; turn++) {
    const length = Math.max(1, pieces[turn % pieces.length] ?? 1);
    chunker.write(content.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** The words of docs/manifest-and-pack.md once more, without looking at speed. */
function cutLengths(content: Buffer): number[] {
  const gear = (byte: number) => createHash('sha256').update(Buffer.of(byte)).digest().readUInt32BE(0);
  const table = Array.from({ length: 256 }, (_, byte) => BigInt(gear(byte)));
  const lengths: number[] = [];
  for (let start = 0; start < content.length; start += lengths.at(-1) ?? 0) {
    let hash = 0n;
    let length = Math.min(content.length - start, 16 * 1024);
    while (start + length < content.length && length < 256 * 1024) {
      hash = (hash * 2n + (table[content[start + length] ?? 0] ?? 0n)) % 2n ** 32n;
      length += 1;
      if (hash < (length <= 64 * 1024 ? 2n ** 14n : 2n ** 18n)) break;
    }
    lengths.push(length);
  }
  return lengths;
}

const large = randomBytesOf(1, 2_000_000);
const sizes = fc.oneof(fc.nat(WHOLE_FILE), fc.integer({ min: WHOLE_FILE, max: large.length }));

describe('ContentChunker', () => {
  it('the chunks are the file, within their bounds, however it arrives', () => {
    const pieces = fc.array(fc.integer({ min: 500, max: 300_000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(sizes, pieces, (size, lengths) => {
        const content = large.subarray(0, size);
        const chunks = chunksOf(content, lengths);
        expect(Buffer.concat(chunks).equals(content)).toBe(true);
        expect(chunks.map(sha256)).toEqual(chunksOf(content).map(sha256));
        for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(MAX_CHUNK);
        for (const chunk of chunks.slice(0, -1)) expect(chunk.length).toBeGreaterThanOrEqual(MIN_CHUNK);
        if (size <= WHOLE_FILE) expect(chunks.length).toBe(size === 0 ? 0 : 1);
      }),
      { numRuns: 50 },
    );
  });

  it('one byte at a time is the same', () => {
    const content = large.subarray(0, 200_000);
    expect(chunksOf(content, [1]).map(sha256)).toEqual(chunksOf(content).map(sha256));
  });

  it('bytes put into the middle change a few chunks at most', () => {
    const before = new Set(chunksOf(large).map(sha256));
    fc.assert(
      fc.property(fc.nat(large.length), fc.uint8Array({ minLength: 1, maxLength: 20_000 }), (at, more) => {
        const after = chunksOf(Buffer.concat([large.subarray(0, at), more, large.subarray(at)]));
        expect(after.filter((chunk) => !before.has(sha256(chunk))).length).toBeLessThanOrEqual(6);
      }),
      { numRuns: 50 },
    );
  });

  it('one chunker serves one file after another', () => {
    const chunks: string[] = [];
    const chunker = new ContentChunker((chunk) => chunks.push(sha256(chunk)));
    for (const size of [300_000, 5, 0, 300_000]) {
      chunker.begin(size);
      if (size > 0) chunker.write(large.subarray(0, size));
    }
    const one = chunksOf(large.subarray(0, 300_000)).map(sha256);
    expect(chunks).toEqual([...one, sha256(large.subarray(0, 5)), ...one]);
  });

  it('cuts here', () => {
    const lengths = chunksOf(large).map((chunk) => chunk.length);
    expect(lengths).toEqual(cutLengths(large));
    expect(lengths.slice(0, 6)).toEqual([105_664, 110_996, 98_018, 69_926, 67_062, 98_079]);
  });

  it('cuts zeros at the upper bound', () => {
    expect(chunksOf(Buffer.alloc(600_000)).map((chunk) => chunk.length)).toEqual([262_144, 262_144, 75_712]);
  });
});
