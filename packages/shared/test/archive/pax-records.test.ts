import {
  MAX_NAME_BYTES,
  PaxReader,
  type PaxRecords,
  paxInteger,
  paxTime,
  SPARSE,
} from '@deploy-tools/shared/archive/pax-records.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { paxRecord } from './tar-builder.js';

const latin1 = (options: { minLength?: number } = {}) =>
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), ...options });

const KEPT = ['path', 'linkpath', 'size', 'uid', 'gid', 'mtime'] as const;

/** What is kept of a body, given in pieces that end at the cuts. */
function read(body: string, cuts: readonly number[] = []): PaxRecords {
  const bytes = Buffer.from(body, 'latin1');
  const reader = new PaxReader();
  let at = 0;
  for (const end of [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
    reader.write(bytes.subarray(at, end));
    at = end;
  }
  return reader.end();
}

describe('pax records', () => {
  it('of use are read back as they were written, whatever bytes a value has and however they are cut', () => {
    const other = latin1({ minLength: 1 }).map((text) => `${text.replaceAll('=', '_')}!`);
    const records = fc.dictionary(fc.oneof(fc.constantFrom(...KEPT), other), latin1());
    fc.assert(
      fc.property(records, fc.array(fc.nat(), { maxLength: 20 }), (written, cuts) => {
        const body = Object.entries(written).map(([key, value]) => paxRecord(key, value));
        const kept = Object.entries(written).filter(([key]) => KEPT.some((keyword) => keyword === key));
        expect(read(body.join(''), cuts)).toEqual(new Map(kept));
      }),
    );
  });

  it('are read or refused as corrupt, whatever the body, and the same however it is cut', () => {
    const pieces = fc.array(
      fc.oneof(latin1(), fc.constantFrom('8 uid=7\n', '7 uid=\n', '4 =\n', '5 a=\n', '99 gid=b\n', '6 a=bc')),
    );
    const outcome = (body: string, cuts: readonly number[]): unknown => {
      try {
        return read(body, cuts);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'corrupt' });
        return 'corrupt';
      }
    };
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
        const body = parts.join('');
        expect(outcome(body, cuts)).toEqual(outcome(body, []));
      }),
      { numRuns: 1000 },
    );
  });

  it('of sparse files leave a mark, those of no use nothing', () => {
    const kept = read(paxRecord('GNU.sparse.major', '1') + paxRecord('comment', 'x'.repeat(500_000)));
    expect([...kept]).toEqual([[SPARSE, '']]);
  });

  it('keep no more of a value than a name or a number can have', () => {
    expect(read(paxRecord('path', 'x'.repeat(MAX_NAME_BYTES))).get('path')).toHaveLength(MAX_NAME_BYTES);
    for (const [keyword, kind] of [
      ['path', 'too-large'],
      ['linkpath', 'too-large'],
      ['mtime', 'corrupt'],
    ] as const) {
      const record = paxRecord(keyword, '1'.repeat(MAX_NAME_BYTES + 1));
      expect(kindOf(() => read(record.slice(0, 40)))).toBe(kind);
    }
  });

  it('times keep nanoseconds, rounded down', () => {
    expect(paxTime('mtime', '12')).toEqual({ seconds: 12, nanoseconds: 0 });
    expect(paxTime('mtime', '12.')).toEqual({ seconds: 12, nanoseconds: 0 });
    expect(paxTime('mtime', '1.0000000019')).toEqual({ seconds: 1, nanoseconds: 1 });
    expect(paxTime('mtime', '-0.5')).toEqual({ seconds: -1, nanoseconds: 500_000_000 });
    expect(paxTime('mtime', '-3')).toEqual({ seconds: -3, nanoseconds: 0 });
    expect(() => paxTime('mtime', '.5')).toThrow(DeployError);
    expect(() => paxTime('mtime', '9'.repeat(16))).toThrow(DeployError);
  });

  it('numbers are decimal, without sign', () => {
    expect(paxInteger('size', '8589934592')).toBe(8589934592);
    for (const bad of ['', '-1', '0x10', '1e3', ' 1', '9'.repeat(20)]) {
      expect(() => paxInteger('size', bad)).toThrow(/bad size/);
    }
  });
});
