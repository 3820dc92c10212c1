import { errorSignature } from '@deploy-tools/notices/error-signature.js';
import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import { judgeStreak, type Streak } from '@deploy-tools/notices/streak.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deployOf, failedOf, later } from './support/samples.js';

/** The notices that are sent of a sequence. */
function sent(notices: readonly DeployNotice[]): (DeployNotice | undefined)[] {
  let streak: Streak | undefined;
  return notices.map((notice) => {
    const judged = judgeStreak(streak, notice);
    ({ streak } = judged);
    return judged.sent;
  });
}

const ok = (minutes = 0) => deployOf('deploy-succeeded', { time: later(minutes) });
const failed = (message: string, minutes = 0) => failedOf(message, { time: later(minutes) });

describe('streak', () => {
  it('ok, three failures, five more, recovery: ok, three, silence, recovered after 8 failures in 9 m', () => {
    const failures = Array.from({ length: 8 }, (_, at) => failed(`exited with status ${at}`, 1 + at));
    const [first, ...rest] = sent([ok(), ...failures, ok(10), ok(11)]);
    expect(first).toEqual(ok());
    expect(rest.map((notice) => notice?.event)).toEqual([
      ...['deploy-failed', 'deploy-failed', 'deploy-failed'],
      ...Array(5).fill(undefined),
      ...['deploy-succeeded', 'deploy-succeeded'],
    ]);
    expect(rest.slice(0, 3).map((notice) => notice?.streak)).toEqual([
      { failures: 1, since: later(1), silence: false },
      { failures: 2, since: later(1), silence: false },
      { failures: 3, since: later(1), silence: true },
    ]);
    expect(rest.at(-2)?.recovered).toEqual({ failures: 8, since: later(1), ms: 9 * 60_000 });
    expect(rest.at(-1)?.recovered).toBeUndefined();
  });

  it('another error is told, also within silence; it does not make the first one new', () => {
    const a = failed('no such file');
    const b = failed('connection refused');
    const events = sent([a, a, a, a, b, a, b, b, b]).map((notice) => notice !== undefined);
    expect(events).toEqual([true, true, true, false, true, false, true, true, false]);
  });

  it('while there is silence neither starts nor newer editions are told', () => {
    const a = failed('x');
    const events = sent([
      a,
      { ...a, edition: 'final' },
      ...[a, a],
      deployOf('deploy-started'),
      a,
      { ...a, edition: 'progress' },
      deployOf('deploy-started'),
    ]);
    expect(events.map((notice) => notice?.event.slice(7))).toEqual([
      ...['failed', 'failed', 'failed', 'failed', 'started'],
      ...[undefined, undefined, undefined],
    ]);
  });

  it('more failures at once than are told: silence, and all are counted', () => {
    const { streak, sent: first } = judgeStreak(undefined, failed('x'), 5);
    expect(first?.streak).toMatchObject({ failures: 5, silence: true });
    expect(judgeStreak(streak, failed('x')).sent).toBeUndefined();
  });

  it('whatever happens: every success is told, no error more than three times, memory is bounded', () => {
    const message = fc.integer({ min: 0, max: 40 }).map((at) => `e${String.fromCharCode(97 + at)}`);
    const event = fc.oneof(
      message.map((text) => failed(text)),
      fc.constant(ok()),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        let streak: Streak | undefined;
        const counts = new Map<string, number>();
        for (const notice of events) {
          const judged = judgeStreak(streak, notice);
          ({ streak } = judged);
          if (notice.event === 'deploy-succeeded') {
            expect(judged.sent).toBeDefined();
            counts.clear();
          } else if (judged.sent?.error !== undefined) {
            const { message: text } = judged.sent.error;
            counts.set(text, (counts.get(text) ?? 0) + 1);
            expect(counts.get(text)).toBeLessThanOrEqual(3);
          }
          expect(Object.keys(streak?.told ?? {}).length).toBeLessThanOrEqual(20);
        }
      }),
    );
  });
});

describe('the same error', () => {
  it.each([
    ['deploy.sh exited with status 3', 'deploy.sh exited with status 44'],
    ['files/71915871fbd585ab is not there', 'files/aa915871fbd585ab is not there'],
    ['GET http://10.0.0.1:8080/: 502', 'GET http://10.0.0.22:81/: 503'],
    ['job 6ba7b810-9dad-11d1-80b4-00c04fd430c8  lost', 'job 7ba7b810-9dad-11d1-80b4-00c04fd430c9 lost'],
  ])('%s = %s', (one, other) => {
    expect(errorSignature({ kind: 'script', message: one })).toBe(
      errorSignature({ kind: 'script', message: other }),
    );
  });

  it.each([
    [
      { kind: 'script', message: 'x' },
      { kind: 'timeout', message: 'x' },
    ],
    [
      { kind: 'script', message: 'defaced' },
      { kind: 'script', message: 'effaced' },
    ],
    [
      { kind: 'script', message: 'no such file' },
      { kind: 'script', message: 'no such directory' },
    ],
  ])('%o is not %o', (one, other) => {
    expect(errorSignature(one)).not.toBe(errorSignature(other));
  });

  it('is bounded, whatever is said', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), fc.string({ maxLength: 20 }), (message, kind) => {
        expect(errorSignature({ kind, message }).length).toBeLessThanOrEqual(322);
      }),
    );
  });
});
