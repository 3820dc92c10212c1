import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STEP_EVENTS, stepAfter } from '@deploy-tools/agent/deploy/deploy-step.js';
import { isSettled, runningRelease } from '@deploy-tools/agent/deploy/journal.js';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { configOf } from '../agent-context.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const A = { ...configOf({ hash: 'a'.repeat(64), size: 1 }), revision: 1 };
const B = { ...configOf({ hash: 'b'.repeat(64), size: 1 }), revision: 2 };

function openLedger(dir: string, lastGood = A): Ledger {
  return new Ledger({
    path: join(dir, 'journal.json'),
    attemptsPath: join(dir, 'attempts.json'),
    clock: () => NOW,
    lastGood: () => lastGood,
  });
}

describe('the journal on disk', () => {
  it('is what the ledger holds, after every step that there can be', () => {
    const dir = tempDir(testScope());
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...STEP_EVENTS, 'veto', 'retry'), { maxLength: 15 }),
        (happens) => {
          const ledger = openLedger(dir);
          ledger.begin(B, A);
          for (const event of happens) {
            const step = ledger.inFlight?.step;
            if (event === 'retry') ledger.retry();
            else if (step === undefined) ledger.begin(B, A);
            else if (event === 'veto') {
              if (stepAfter(step, 'interrupt') !== undefined) ledger.veto();
            } else if (stepAfter(step, event) !== undefined)
              ledger.step(event, { unpackedIn: 'boot', error: { kind: 'script', message: 'no\nluck' } });
            expect(openLedger(dir).journal).toEqual(ledger.journal);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('tells those who look at it what runs', () => {
    const dir = tempDir(testScope());
    const ledger = openLedger(dir);
    ledger.begin(B, A);
    for (const event of ['fetch', 'stage', 'activate'] as const) ledger.step(event);
    const read = () => JSON.parse(readFileSync(join(dir, 'journal.json'), 'utf8'));
    expect(read()).toMatchObject({ running: { revision: 1, hash: A.hash }, attempt: { step: 'activating' } });
    ledger.step('validate', { activated: true });
    expect(read()).toMatchObject({ running: { revision: 2 }, lastGood: { revision: 1 } });
  });

  it('that is damaged is an error that says what to do', () => {
    const dir = tempDir(testScope());
    openLedger(dir).begin(B, A);
    const whole = readFileSync(join(dir, 'journal.json'), 'utf8');
    const damaged = fc.oneof(
      fc.nat({ max: whole.length - 3 }).map((length) => whole.slice(0, length)),
      fc
        .constantFrom('step', 'since', 'number', 'hash', 'deploy')
        .map((key) => whole.replaceAll(`"${key}"`, '"x"')),
      fc.constant(whole.replace('"version": 1', '"version": 2')),
    );
    fc.assert(
      fc.property(damaged, (text) => {
        writeFileSync(join(dir, 'journal.json'), text);
        try {
          openLedger(dir);
          expect(text.includes('"x"')).toBe(true); // a key that may be missing
        } catch (error) {
          expect(isDeployError(error, 'corrupt')).toBe(true);
          expect(String(error)).toContain('journal.json is damaged');
        }
      }),
    );
  });

  it('takes over what an agent before it knew of failures, once', () => {
    const dir = tempDir(testScope());
    const attempts = join(dir, 'attempts.json');
    const notBefore = '2026-03-01T12:04:00.000Z';
    writeFileSync(
      attempts,
      JSON.stringify({ hash: B.hash, failures: 3, notBefore, unpackedIn: 'boot', script: 'boot 1 2' }),
    );
    const ledger = openLedger(dir);
    expect(ledger.journal).toEqual({
      hold: { hash: B.hash, why: 'rejected', failures: 3, notBefore },
      script: 'boot 1 2',
      unpacked: { hash: B.hash, in: 'boot' },
    });
    ledger.begin(B, A);
    expect(ledger.inFlight).toMatchObject({ number: 4, unpackedIn: 'boot' });
    openLedger(dir);
    expect(existsSync(attempts)).toBe(false);
  });

  it('takes damaged records of failures for none', () => {
    const dir = tempDir(testScope());
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        writeFileSync(join(dir, 'attempts.json'), text);
        expect(openLedger(dir).journal).toEqual({});
      }),
    );
  });
});

describe('an attempt', () => {
  it('that was interrupted early is the same one still; after a failure it is another', () => {
    const ledger = openLedger(tempDir(testScope()));
    ledger.begin(B, A);
    const first = ledger.inFlight?.deploy;
    ledger.step('fetch');
    ledger.step('interrupt');
    ledger.begin(B, A);
    expect(ledger.inFlight).toMatchObject({ deploy: first, number: 1, reason: 'deploy' });
    ledger.step('fail', { error: { kind: 'script', message: 'no' } });
    ledger.retry();
    ledger.begin(B, A);
    expect(ledger.inFlight).toMatchObject({ number: 2, reason: 'retry' });
    expect(ledger.inFlight?.deploy).not.toBe(first);
    expect(ledger.inFlight).not.toHaveProperty('error');
  });

  it('says what runs, and whether that is settled, at each step', () => {
    const ledger = openLedger(tempDir(testScope()));
    const runs = () => [runningRelease(ledger.journal, A)?.revision, isSettled(ledger.journal)];
    expect(runs()).toEqual([1, true]);
    ledger.begin(B, A);
    for (const event of ['fetch', 'stage', 'activate'] as const) ledger.step(event);
    expect(runs()).toEqual([1, true]);
    ledger.step('validate', { activated: true });
    expect(runs()).toEqual([2, true]);
    ledger.step('go-back');
    expect(runs()).toEqual([1, true]);
    ledger.step('give-up');
    expect(runs()).toEqual([undefined, false]);
    expect(ledger.journal.hold).not.toHaveProperty('notBefore');
  });
});
