import { createHash } from 'node:crypto';
import { type ReadAt, readBoltMeta } from '@deploy-tools/registry/takeover/bolt/bolt-meta.js';
import { type BoltEntry, walkBolt } from '@deploy-tools/registry/takeover/bolt/walk-bolt.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type StateName, stateBytes } from '../original-state.js';

const PAGE = 4096;

function readerOf(bytes: Buffer): ReadAt {
  return (offset, length) => {
    if (offset + length > bytes.length) throw new DeployError('corrupt', 'the file is cut off');
    return bytes.subarray(offset, offset + length);
  };
}

function walk(bytes: Buffer): BoltEntry[] {
  const read = readerOf(bytes);
  return [...walkBolt(read, readBoltMeta(read))];
}

/** As the library's own cursors were listed when the fixtures were made. */
function listing(entries: readonly BoltEntry[]): string {
  const hash = createHash('sha256');
  for (const { path, key, value } of entries) {
    const name = [...path, key].map((part) => part.toString('hex')).join('/');
    hash.update(value === undefined ? `${name}\n` : `${name}=${value.toString('hex')}\n`);
  }
  return hash.digest('hex');
}

/** Whatever the bytes are: entries, or the one kind of error. */
function walksOrComplains(bytes: Buffer): boolean {
  try {
    walk(bytes);
    return true;
  } catch (error) {
    return error instanceof DeployError && error.kind === 'corrupt';
  }
}

describe('walkBolt', () => {
  test.each<[StateName, number, string]>([
    ['empty', 0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['one-of-each', 12, '4c05eaefae339d1a2649077706910a6300ed92a7d79374f4abadbf9449cc8d9a'],
    ['lived-in', 40, 'c2fddf03f80b15d14a8af83ddee36520bb243f95c98ac1c6f3c50cea22b865c3'],
    ['large', 2748, 'fe2c65306b15377c435fbddb143454f0b151437e7a51a5243224b402f0daf1c1'],
    ['page-16k', 12, '4c05eaefae339d1a2649077706910a6300ed92a7d79374f4abadbf9449cc8d9a'],
  ])('reads %s.db as the library does', (name, count, sum) => {
    const entries = walk(stateBytes(name));
    expect(entries).toHaveLength(count);
    expect(listing(entries)).toBe(sum);
  });

  test('the large one has branch pages and overflow pages', () => {
    const bytes = stateBytes('large');
    const headers = Array.from({ length: bytes.length / PAGE }, (_, page) => ({
      flags: bytes.readUInt16LE(page * PAGE + 8),
      overflow: bytes.readUInt32LE(page * PAGE + 12),
    }));
    expect(headers.some(({ flags }) => flags === 1)).toBe(true);
    expect(headers.some(({ flags, overflow }) => flags === 2 && overflow > 0 && overflow < 100)).toBe(true);
  });

  test('whatever the bytes, it ends: with entries or with the error', () => {
    const random = fc.uint8Array({ maxLength: 3 * PAGE });
    fc.assert(fc.property(random, (bytes) => walksOrComplains(Buffer.from(bytes))));
  });

  test.each<StateName>(['one-of-each', 'lived-in', 'large', 'page-16k'])('bits of %s.db flipped', (name) => {
    const whole = stateBytes(name);
    const { root, pageSize } = readBoltMeta(readerOf(whole));
    // Half of the flips hit where the tree begins, the others anywhere.
    const at = fc.oneof(
      fc.integer({ min: root * pageSize, max: root * pageSize + 200 }),
      fc.integer({ min: 0, max: whole.length - 1 }),
    );
    const flips = fc.array(fc.tuple(at, fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(flips, (list) => {
        const bytes = Buffer.from(whole);
        for (const [offset, bit] of list) bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
        return walksOrComplains(bytes);
      }),
    );
  });

  test('page headers of large.db overwritten by other numbers', () => {
    const whole = stateBytes('large');
    const word = fc.oneof(
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom(0, 0xffff, 0x7fffffff, 0xffffffff),
    );
    const page = fc.integer({ min: 2, max: whole.length / PAGE - 1 });
    fc.assert(
      fc.property(page, fc.integer({ min: 0, max: 31 }), word, (number, field, value) => {
        const bytes = Buffer.from(whole);
        bytes.writeUInt32LE(value, number * PAGE + field * 4);
        return walksOrComplains(bytes);
      }),
    );
  });

  test('a file that is cut off', () => {
    const whole = stateBytes('lived-in');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (length) =>
        walksOrComplains(whole.subarray(0, length)),
      ),
    );
    expect(() => walk(whole.subarray(0, 2 * PAGE))).toThrow(/is damaged: the file is cut off/);
  });

  test('a branch that leads back to itself', () => {
    const bytes = Buffer.from(stateBytes('one-of-each'));
    const at = readBoltMeta(readerOf(bytes)).root * PAGE;
    bytes.writeUInt16LE(1, at + 8); // a branch
    bytes.writeUInt16LE(1, at + 10); // with one child
    bytes.writeUInt32LE(16, at + 16);
    bytes.writeUInt32LE(1, at + 20);
    bytes.writeBigUInt64LE(BigInt(at / PAGE), at + 24);
    expect(() => walk(bytes)).toThrow(/is used twice/);
  });
});

describe('readBoltMeta', () => {
  test('the whole meta page wins over a broken newer one', () => {
    for (const name of ['one-of-each', 'page-16k'] as const) {
      const whole = stateBytes(name);
      const newest = readBoltMeta(readerOf(whole));
      for (const broken of [0, newest.pageSize]) {
        const bytes = Buffer.from(whole);
        bytes[broken + 50] = (bytes[broken + 50] ?? 0) ^ 1;
        const found = readBoltMeta(readerOf(bytes));
        expect(found.pageSize).toBe(newest.pageSize);
        expect([newest.txid, newest.txid - 1n]).toContain(found.txid);
      }
    }
  });

  test('with neither it says so', () => {
    expect(() => readBoltMeta(readerOf(Buffer.alloc(2 * PAGE)))).toThrow(
      new DeployError('corrupt', 'both of its meta pages are damaged'),
    );
  });
});
