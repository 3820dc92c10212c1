import type { TreeNode } from '@deploy-tools/agent/release/plan/release-tree.js';
import { refreshed } from '@deploy-tools/agent/release/records/keep-record.js';
import { recordable, recordOf } from '@deploy-tools/agent/release/records/record-of.js';
import {
  decodeReleaseRecord,
  encodeReleaseRecord,
  type ReleaseRecord,
} from '@deploy-tools/agent/release/records/release-record.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const number = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const record: fc.Arbitrary<ReleaseRecord> = fc
  .tuple(
    fc.array(digest, { maxLength: 3 }),
    fc.array(fc.tuple(fc.record({ layer: uint32, index: uint32 }), fc.tuple(number, number, number, number))),
  )
  .map(([manifests, files]) => ({
    manifests,
    places: files.map(([{ layer, index }]) => ({ layer, index })),
    stamps: BigInt64Array.from(files.flatMap(([, stamp]) => stamp)),
  }));

/** Whether reading these bytes says that they are damaged; anything else that is thrown fails the test. */
function refuses(bytes: Uint8Array): boolean {
  try {
    decodeReleaseRecord(bytes);
    return false;
  } catch (error) {
    if (isDeployError(error, 'corrupt')) return true;
    throw error;
  }
}

describe('a record', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(record, (given) => {
        expect(decodeReleaseRecord(encodeReleaseRecord(given))).toEqual(given);
      }),
    );
  });

  it('is refused when it was cut, or is something else', () => {
    fc.assert(
      fc.property(record, fc.nat(), (given, cut) => {
        const bytes = encodeReleaseRecord(given);
        expect(refuses(bytes.subarray(0, cut % bytes.length))).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), refuses));
  });
});

const FINISHED = 5_000_000_000n;

function file(path: string, size: number, paths: readonly string[] = [path]): TreeNode {
  const entry = { type: 'file', path, linkTarget: '', mode: 0o644, uid: 0, gid: 0, size } as const;
  const time = { mtimeSeconds: 7, mtimeNanoseconds: 1_999, deviceMajor: 0, deviceMinor: 0 };
  const chunks = [{ digest: 'd', length: size, packedLength: size }];
  return { entry: { ...entry, ...time }, place: { layer: 0, index: size }, chunks, paths };
}

describe('what is recorded', () => {
  const mtime = 7_000_001_000n;

  it.each<[string, bigint[], boolean]>([
    ['a file as it was built', [1n, 10n, mtime, 1_000_000_000n], true],
    ['not one that was changed since', [1n, 10n, mtime, FINISHED + 1n], false],
    ['not one that was changed in the last tick', [1n, 10n, mtime, FINISHED - 10_000_000n], false],
    ['not one of another size', [1n, 11n, mtime, 1_000_000_000n], false],
    ['not one of another time', [1n, 10n, mtime + 5000n, 1_000_000_000n], false],
    ['not what is no file', [0n, 0n, 0n, 0n], false],
  ])('%s', (_what, stamp, recorded) => {
    const made = recordOf([], { nodes: [file('a', 10)], stamps: BigInt64Array.from(stamp) }, FINISHED);
    expect(made.places).toEqual(recorded ? [{ layer: 0, index: 10 }] : []);
    expect([...made.stamps]).toEqual(recorded ? stamp : []);
  });

  it('are files with content under the path of their entry', () => {
    const nodes = [file('a', 1), file('b', 2, ['c']), { ...file('empty', 3), chunks: [] }];
    expect(recordable(nodes)).toEqual([nodes[0]]);
  });
});

describe('a record after links were taken away', () => {
  it('has the new ctime of files that were unchanged before and have size and time still', () => {
    const rows = (...ctimes: readonly bigint[]) =>
      BigInt64Array.from(ctimes.flatMap((ctime, number) => [BigInt(number), 10n, 5n, ctime]));
    const places = [0, 1, 2].map((index) => ({ layer: 0, index }));
    const after = rows(200n, 200n, 200n);
    after[10] = 6n; // the time of the third
    const recorded = { manifests: ['m'], places, stamps: rows(100n, 100n, 100n) };
    const made = refreshed(recorded, rows(100n, 101n, 100n), after);
    expect(made.places).toEqual([places[0]]);
    expect([...made.stamps]).toEqual([0n, 10n, 5n, 200n]);
  });
});
