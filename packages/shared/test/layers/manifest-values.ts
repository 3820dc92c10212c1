import { hash } from 'node:crypto';
import { isMemberPath } from '@deploy-tools/shared/archive/path-guard.js';
import type { ChunkRef, EntryTime, ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import { MAX_CHUNK, MAX_SECONDS } from '@deploy-tools/shared/layers/manifest.js';
import fc from 'fast-check';

/** Anything that the codecs of manifests take, for properties. */
const digests = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));

export const chunkRefs: fc.Arbitrary<ChunkRef> = fc
  .tuple(digests, fc.integer({ min: 1, max: MAX_CHUNK }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([digest, length, share]) => ({
    digest,
    length,
    packedLength: Math.max(1, Math.floor(length * share)),
  }));

/** Names share beginnings often, and have bytes beyond ASCII. */
const parts = fc.oneof(
  fc.constantFrom('a', 'b', 'node_modules', 'lib', '..x', '.h'),
  fc.string({
    unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    minLength: 1,
  }),
);
export const memberPaths = fc
  .array(parts, { minLength: 1, maxLength: 4 })
  .map((some) => some.join('/'))
  .filter(isMemberPath);

const ids = fc.oneof(fc.nat(70_000), fc.maxSafeNat());

export const manifestEntries: fc.Arbitrary<ManifestEntry> = fc
  .record({
    type: fc.constantFrom(
      'file',
      'file',
      'directory',
      'symlink',
      'hardlink',
      'character-device',
      'block-device',
      'fifo',
    ),
    path: memberPaths,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: ids,
    gid: ids,
    chunks: fc.array(chunkRefs, { maxLength: 3 }),
    target: memberPaths,
    deviceMajor: ids,
    deviceMinor: ids,
  })
  .map((made): ManifestEntry => {
    const isFile = made.type === 'file';
    const isDevice = made.type.endsWith('device');
    const chunks = isFile ? made.chunks : [];
    return {
      ...made,
      type: made.type as ManifestEntry['type'],
      chunks,
      size: chunks.reduce((sum, { length }) => sum + length, 0),
      target: made.type.endsWith('link') ? made.target : '',
      deviceMajor: isDevice ? made.deviceMajor : 0,
      deviceMinor: isDevice ? made.deviceMinor : 0,
    };
  });

export const entryTimes: fc.Arbitrary<EntryTime> = fc.record({
  seconds: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    fc.integer({ min: -MAX_SECONDS, max: MAX_SECONDS }),
  ),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});

/** Valid bytes with a few of them changed, cut off or doubled. */
export function damaged(valid: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const change = fc.record({
    at: fc.nat(),
    value: fc.integer({ min: 0, max: 255 }),
    how: fc.constantFrom('set', 'set', 'insert', 'remove', 'cut'),
  });
  return fc.tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 })).map(([bytes, changes]) => {
    const out = [...bytes];
    for (const { at, value, how } of changes) {
      const place = at % (out.length + 1);
      if (how === 'set' && place < out.length) out[place] = value;
      else if (how === 'insert') out.splice(place, 0, value);
      else if (how === 'remove') out.splice(place, 1);
      else out.length = place;
    }
    return Buffer.from(out);
  });
}

export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes);
}
