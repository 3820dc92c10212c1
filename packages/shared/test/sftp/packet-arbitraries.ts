import { type Attrs, type NameEntry, PACKET } from '@deploy-tools/shared/sftp/protocol.js';
import fc from 'fast-check';

export const uint32 = fc.nat(0xffff_ffff);

/** Whole attribute groups only: version 3 sends uid with gid, and atime with mtime. */
export const anyAttrs: fc.Arbitrary<Attrs> = fc
  .record(
    {
      size: fc.maxSafeNat(),
      owner: fc.record({ uid: uint32, gid: uint32 }),
      mode: uint32,
      times: fc.record({ atime: uint32, mtime: uint32 }),
    },
    { requiredKeys: [] },
  )
  .map(({ size, owner, mode, times }) => ({
    ...(size === undefined ? {} : { size }),
    ...owner,
    ...(mode === undefined ? {} : { mode }),
    ...times,
  }));

export const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });

export const anyName: fc.Arbitrary<NameEntry> = fc.record({
  filename: anyText,
  longname: anyText,
  attrs: anyAttrs,
});

export const anyType = fc.constantFrom(...Object.values(PACKET));

/** Cuts bytes at any places, also into empty pieces. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [...sorted, bytes.length].map((end, index) =>
    bytes.subarray(index === 0 ? 0 : sorted[index - 1], end),
  );
}
