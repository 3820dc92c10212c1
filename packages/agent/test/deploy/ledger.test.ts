import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STEP_EVENTS, type StepEvent, stepAfter } from '@deploy-tools/agent/deploy/deploy-step.js';
import { waitBefore } from '@deploy-tools/agent/deploy/hold.js';
import { isSettled, liveRelease, runningRelease } from '@deploy-tools/agent/deploy/journal.js';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { rollbackByHand } from '@deploy-tools/agent/deploy/operator-requests.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { configOf } from '../agent-context.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const A = { ...configOf({ hash: 'a'.repeat(64), size: 1 }), revision: 1 };
const B = { ...configOf({ hash: 'b'.repeat(64), size: 1 }), revision: 2 };
const C = { ...configOf({ hash: 'c'.repeat(64), size: 1 }), revision: 3 };

function openLedger(dir: string, lastGood: typeof A | undefined | null = A): Ledger {
  return new Ledger({
    path: join(dir, 'journal.json'),
    attemptsPath: join(dir, 'attempts.json'),
    clock: () => NOW,
    lastGood: () => lastGood ?? undefined,
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
      proven: [A],
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
        expect(openLedger(dir).journal).toEqual({ proven: [A] });
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
    for (const event of ['fetch', 'stage'] as const) ledger.step(event);
    expect(runs()).toEqual([1, true]);
    ledger.step('activate');
    expect(runs()).toEqual([1, false]);
    ledger.step('validate', { activated: true });
    expect(runs()).toEqual([2, false]);
    ledger.step('roll-back');
    expect(runs()).toEqual([2, false]);
    ledger.step('give-up');
    expect(runs()).toEqual([undefined, false]);
    expect(ledger.journal.hold).not.toHaveProperty('notBefore');
  });
});

describe('what is live', () => {
  const activated = (ledger: Ledger) => {
    ledger.begin(B, A);
    for (const event of ['fetch', 'stage', 'activate'] as const) ledger.step(event);
  };
  const live = (ledger: Ledger) => {
    const { config, how, before } = ledger.journal.live ?? {};
    return [config?.revision, how, before?.revision];
  };

  it('is not forgotten when another attempt begins and fails before it activates anything', () => {
    const dir = tempDir(testScope());
    const ledger = openLedger(dir);
    activated(ledger);
    ledger.step('fail', { error: { kind: 'script', message: 'no' } });
    ledger.begin(C, B);
    ledger.step('fail', { error: { kind: 'script', message: 'no' } });
    for (const opened of [ledger, openLedger(dir)]) {
      expect(live(opened)).toEqual([2, 'activating', 1]);
      expect(isSettled(opened.journal)).toBe(false);
      expect(runningRelease(opened.journal, A)).toEqual(B);
    }
  });

  it('is unknown after a way back that failed, whatever begins then, until something is proven', () => {
    const ledger = openLedger(tempDir(testScope()));
    activated(ledger);
    ledger.step('roll-back');
    ledger.step('give-up');
    ledger.begin(C, B);
    ledger.step('fail');
    expect(live(ledger)).toEqual([2, 'unknown', 1]);
    ledger.begin(A, B);
    for (const event of ['fetch', 'stage', 'activate', 'validate', 'prove'] as const) ledger.step(event);
    expect(live(ledger)).toEqual([1, 'proven', undefined]);
  });

  it('is what it was before when the host says not now', () => {
    const ledger = openLedger(tempDir(testScope()));
    activated(ledger);
    ledger.veto();
    expect(live(ledger)).toEqual([1, 'proven', undefined]);
    activated(ledger);
    ledger.step('fail');
    ledger.begin(B, A);
    for (const event of ['fetch', 'stage', 'activate'] as const) ledger.step(event);
    expect(live(ledger)).toEqual([2, 'activating', 1]);
    ledger.veto();
    expect(live(ledger)).toEqual([2, 'activating', 1]);
  });

  it('is nothing again when a new host says not now', () => {
    const ledger = openLedger(tempDir(testScope()), null);
    activated(ledger);
    ledger.veto();
    expect(ledger.journal.live).toBeUndefined();
  });

  it('is what state.json says where another agent has deployed since', () => {
    const ledger = openLedger(tempDir(testScope()));
    activated(ledger);
    for (const event of ['validate', 'prove'] as const) ledger.step(event);
    expect(liveRelease(ledger.journal, B)).toMatchObject({ config: B, how: 'proven' });
    expect(liveRelease(ledger.journal, C)).toMatchObject({ config: C, how: 'proven' });
    expect(liveRelease(ledger.journal, undefined)).toBeUndefined();
  });
});

describe('going back by hand', () => {
  const run = (ledger: Ledger, config: typeof A, ...events: StepEvent[]) => {
    ledger.begin(config, undefined);
    for (const event of events) ledger.step(event);
  };
  const HEALTHY: StepEvent[] = ['fetch', 'stage', 'activate', 'validate', 'prove'];

  it('leads from what is live to the release that was proven before it', () => {
    const ledger = openLedger(tempDir(testScope()));
    run(ledger, B, ...HEALTHY);
    expect(rollbackByHand(ledger.journal, B)).toEqual({ from: B, to: A });
    run(ledger, C, 'fail');
    expect(rollbackByHand(ledger.journal, B)).toEqual({ from: B, to: A });
  });

  it('never leads to a release that failed', () => {
    const ledger = openLedger(tempDir(testScope()));
    run(ledger, B, 'fetch', 'stage', 'activate', 'validate', 'fail');
    expect(rollbackByHand(ledger.journal, A)).toEqual({ from: B, to: A });
    run(ledger, A, ...HEALTHY);
    expect(() => rollbackByHand(ledger.journal, A)).toThrow('no earlier release is known here');
  });

  it('forgets the release that somebody went back from', () => {
    const ledger = openLedger(tempDir(testScope()));
    run(ledger, B, ...HEALTHY);
    ledger.rollBack({ from: B, to: A });
    expect(ledger.journal.proven).toEqual([B, A]);
    ledger.restored(A);
    expect(ledger.journal).toMatchObject({ live: { config: A, how: 'proven' }, proven: [A] });
    run(ledger, C, 'fail');
    expect(() => rollbackByHand(ledger.journal, A)).toThrow('no earlier release is known here');
  });
});

describe('a release that failed', () => {
  it('live is held until somebody says retry, or with -retry-live until its backoff is over', () => {
    for (const isHeld of [true, false]) {
      const ledger = openLedger(tempDir(testScope()));
      ledger.begin(B, A);
      for (const event of ['fetch', 'stage', 'activate'] as const) ledger.step(event);
      ledger.step('roll-back', { isHeld });
      ledger.restored(A);
      expect(ledger.journal.hold).toMatchObject({ hash: B.hash, why: 'rejected', failures: 1 });
      expect(ledger.journal.hold?.notBefore === undefined).toBe(isHeld);
      expect(waitBefore(ledger.journal.hold, B, NOW)).toBe(isHeld ? Number.POSITIVE_INFINITY : 60_000);
      expect(ledger.retry()).toBe(true);
      expect(waitBefore(ledger.journal.hold, B, NOW)).toBe(0);
    }
  });

  it('before it was live is tried again by itself', () => {
    const ledger = openLedger(tempDir(testScope()));
    ledger.begin(B, A);
    ledger.step('fail', { error: { kind: 'script', message: 'no' } });
    expect(waitBefore(ledger.journal.hold, B, NOW)).toBe(60_000);
  });
});
