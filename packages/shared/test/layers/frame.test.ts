import { packFrame, unpackFrame, zstdVersion } from '@deploy-tools/shared/layers/frame.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { damaged } from './manifest-values.js';

/** Some compress, some do not. */
const contents = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 3000 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 2000 }))
    .map(([some, times]) => Buffer.concat(Array.from({ length: times }, () => some))),
);
const data = contents.map((bytes) => Buffer.from(bytes));

/** A copy, which outlives the next call. */
function packedFrame(bytes: Buffer): { bytes: Buffer; stored: boolean } {
  const { bytes: packed, stored } = packFrame(bytes);
  return { bytes: Buffer.from(packed), stored };
}

describe('frame', () => {
  it('any data survives, is never longer, and gives the same bytes again', () => {
    fc.assert(
      fc.property(data, (bytes) => {
        const packed = packedFrame(bytes);
        expect(packed.bytes.length).toBeLessThanOrEqual(bytes.length);
        expect(packed.stored).toBe(packed.bytes.length === bytes.length);
        expect(unpackFrame(packed.bytes, bytes.length).equals(bytes)).toBe(true);
        expect(packedFrame(bytes).bytes).toEqual(packed.bytes);
      }),
    );
  });

  it('whatever the bytes are, gives as much as was asked for, or says that they are damaged', () => {
    const given = fc.oneof(damaged(data.map((bytes) => packedFrame(bytes).bytes)), data);
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 262_144 }), (bytes, length) => {
        const outcome = kindOf(() => expect(unpackFrame(bytes, length).length).toBe(length));
        expect(['nothing thrown', 'corrupt']).toContain(outcome);
      }),
      { numRuns: 500 },
    );
  });

  const zeros = Buffer.alloc(100_000);
  const packed = packedFrame(zeros).bytes;
  const half = packedFrame(zeros.subarray(50_000)).bytes;
  it.each<[string, Buffer, number]>([
    ['a frame of more than was said', packed, 99_999],
    ['a frame of less than was said', packed, 100_001],
    ['two frames', Buffer.concat([half, half]), 100_000],
    ['a frame with a skippable one behind it', Buffer.concat([packed, skippable()]), 100_000],
    ['a frame with a skippable one before it', Buffer.concat([skippable(), packed]), 100_000],
    ['a frame that is cut', packed.subarray(0, -1), 100_000],
    ['no bytes', Buffer.alloc(0), 10],
  ])('refuses %s', (_what, bytes, length) => {
    expect(kindOf(() => unpackFrame(bytes, length))).toBe('corrupt');
  });

  it('holds more than a chunk', () => {
    const long = Buffer.alloc(1_000_000, 'deploy ');
    expect(unpackFrame(packFrame(long).bytes, long.length).equals(long)).toBe(true);
  });

  it('names the version of zstd', () => {
    expect(zstdVersion()).toBeGreaterThanOrEqual(10_000);
  });

  function skippable(): Buffer {
    return Buffer.from('502a4d1803000000616263', 'hex');
  }
});
