import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Attempts,
  beginScript,
  countFailure,
  readAttempts,
  waitAfter,
  waitBefore,
  writeAttempts,
} from '@deploy-tools/agent/attempts.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../test/support/scope.js';
import { tempDir } from '../../../test/support/temp-dir.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const MINUTE = 60_000;
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

const instant = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
const hash = fc.constantFrom(A, B);
const attempts: fc.Arbitrary<Attempts> = fc.record(
  {
    hash,
    failures: fc.nat({ max: 100 }),
    notBefore: instant.map((date) => date.toISOString()),
    unpackedIn: fc.string(),
    script: fc.string(),
  },
  { requiredKeys: ['hash', 'failures', 'notBefore'] },
);

describe('the wait after failures', () => {
  it('is a minute, doubling, an hour at most', () => {
    const minutes = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => waitAfter(failures) / MINUTE);
    expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(waitAfter(0)).toBe(0);
  });

  it('is counted from the failure, for that configuration only', () => {
    const failed = countFailure(undefined, A, NOW);
    expect(failed).toEqual({ hash: A, failures: 1, notBefore: '2026-03-01T12:01:00.000Z' });
    expect(waitBefore(failed, A, NOW)).toBe(MINUTE);
    expect(waitBefore(failed, A, new Date(NOW.getTime() + 45_000))).toBe(15_000);
    expect(waitBefore(failed, A, new Date(NOW.getTime() + MINUTE))).toBe(0);
    expect(waitBefore(failed, B, NOW)).toBe(0);
    expect(waitBefore(undefined, A, NOW)).toBe(0);
  });

  it('begins anew with another configuration', () => {
    const twice = countFailure(countFailure(undefined, A, NOW), A, NOW);
    expect(twice.failures).toBe(2);
    expect(countFailure(twice, B, NOW).failures).toBe(1);
  });

  it('is never longer than was set, whatever the clock says', () => {
    fc.assert(
      fc.property(attempts, hash, instant, (record, wanted, now) => {
        const ms = waitBefore(record, wanted, now);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(waitAfter(record.failures));
      }),
    );
  });

  it('is not there for an agent that died while the script ran', () => {
    const failed = countFailure(undefined, A, NOW);
    const begun = beginScript(failed, { hash: A, unpackedIn: 'boot' }, NOW);
    expect(begun).toEqual({ hash: A, failures: 1, notBefore: NOW.toISOString(), unpackedIn: 'boot' });
    expect(waitBefore(begun, A, NOW)).toBe(0);
    expect(beginScript(failed, { hash: B, unpackedIn: 'boot' }, NOW).failures).toBe(0);
  });
});

describe('whether a release is used again', () => {
  it('is remembered after a failure of its script, and forgotten with another configuration', () => {
    const begun = { ...beginScript(undefined, { hash: A, unpackedIn: 'boot' }, NOW), script: 'boot 12 34' };
    const failed = countFailure(begun, A, NOW);
    expect(failed).toMatchObject({ failures: 1, unpackedIn: 'boot' });
    expect(failed.script).toBeUndefined();
    expect(countFailure(failed, B, NOW).unpackedIn).toBeUndefined();
  });

  it('is not known after a failure before the script: a release of that name is an older one', () => {
    expect(countFailure(undefined, A, NOW).unpackedIn).toBeUndefined();
  });
});

describe('the record on disk', () => {
  it('is read back as it was written, and gone when there is none', () => {
    const path = join(tempDir(testScope()), 'attempts.json');
    fc.assert(
      fc.property(attempts, (record) => {
        writeAttempts(path, record);
        expect(readAttempts(path)).toEqual(record);
      }),
      { numRuns: 30 },
    );
    writeAttempts(path, undefined);
    expect(readAttempts(path)).toBeUndefined();
    writeAttempts(path, undefined);
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  it('counts as none when it is damaged, and never as something else', () => {
    const path = join(tempDir(testScope()), 'attempts.json');
    const damaged = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .tuple(attempts, fc.constantFrom('hash', 'failures', 'notBefore', 'script'), fc.jsonValue())
        .map(([record, key, value]) => JSON.stringify({ ...record, [key]: value })),
      attempts.map((record) => JSON.stringify(record).slice(0, -2)),
    );
    fc.assert(
      fc.property(damaged, (text) => {
        writeFileSync(path, text);
        const read = readAttempts(path);
        if (read === undefined) return;
        expect(JSON.parse(text)).toMatchObject(read);
        expect(Number.isSafeInteger(read.failures) && read.failures >= 0).toBe(true);
        expect(Date.parse(read.notBefore)).not.toBeNaN();
        expect(typeof read.hash).toBe('string');
      }),
    );
  });

  it('may be of an agent that did not know of unpacked releases', () => {
    const path = join(tempDir(testScope()), 'attempts.json');
    writeFileSync(path, `{"hash":"${A}","failures":3,"notBefore":"2026-03-01T12:04:00.000Z"}\n`);
    expect(readAttempts(path)?.failures).toBe(3);
    expect(readFileSync(path, 'utf8')).toContain('failures');
  });
});
