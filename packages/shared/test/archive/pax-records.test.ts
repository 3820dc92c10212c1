import { parsePaxRecords, paxInteger, paxTime } from '@deploy-tools/shared/archive/pax-records.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paxRecord } from './tar-builder.js';

const latin1 = (options: { minLength?: number } = {}) =>
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), ...options });

describe('pax records', () => {
  it('are read back as they were written, whatever bytes a value has', () => {
    const keyword = latin1({ minLength: 1 }).map((text) => text.replaceAll('=', '_'));
    fc.assert(
      fc.property(fc.dictionary(keyword, latin1()), (records) => {
        const body = Object.entries(records).map(([key, value]) => paxRecord(key, value));
        expect(parsePaxRecords(Buffer.from(body.join(''), 'latin1'))).toEqual(
          new Map(Object.entries(records)),
        );
      }),
    );
  });

  it('are read or refused as corrupt, whatever the body', () => {
    const pieces = fc.array(
      fc.oneof(latin1(), fc.constantFrom('6 a=b\n', '5 a=\n', '4 =\n', '99 a=b\n', '6 a=bc')),
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        try {
          parsePaxRecords(Buffer.from(parts.join(''), 'latin1'));
        } catch (error) {
          expect(error).toMatchObject({ kind: 'corrupt' });
        }
      }),
      { numRuns: 1000 },
    );
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
