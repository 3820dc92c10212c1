import { setImmediate as turn } from 'node:timers/promises';
import { SharedJobs, type Urgency } from '@deploy-tools/registry/core/shared-jobs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';

/** Jobs that end when the test says so. */
function controlled(slots: number) {
  const started: string[] = [];
  const running = new Map<string, { finish: () => void; fail: (error: Error) => void }>();
  const work = (key: string, signal: AbortSignal): Promise<string> => {
    started.push(key);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        running.delete(key);
        settle();
      };
      running.set(key, {
        finish: end(() => resolve(`result of ${key}`)),
        fail: (error) => end(() => reject(error))(),
      });
      signal.addEventListener(
        'abort',
        end(() => reject(new DeployError('cancelled', 'aborted'))),
      );
    });
  };
  const jobs = new SharedJobs<string>({
    slots,
    work,
    cancelled: () => new DeployError('cancelled', 'stopped'),
  });
  return { jobs, started, running };
}

const settle = async () => {
  for (let turns = 0; turns < 5; turns += 1) await turn();
};

describe('one key', () => {
  test('is worked on once, and all callers share the result', async () => {
    const { jobs, started, running } = controlled(2);
    const results = [jobs.run('a', 'idle'), jobs.run('a', 'soon'), jobs.run('a', 'awaited')];
    running.get('a')?.finish();
    expect(await Promise.all(results)).toEqual(Array(3).fill('result of a'));
    expect(started).toEqual(['a']);
  });

  test('all callers share the failure; the next one tries again', async () => {
    const { jobs, started, running } = controlled(1);
    const results = [jobs.run('a', 'soon'), jobs.run('a', 'soon')].map(kindOfRejection);
    running.get('a')?.fail(new DeployError('corrupt', 'no'));
    expect(await Promise.all(results)).toEqual(['corrupt', 'corrupt']);
    const again = jobs.run('a', 'soon');
    running.get('a')?.finish();
    expect(await again).toBe('result of a');
    expect(started).toEqual(['a', 'a']);
  });
});

describe('many keys', () => {
  test('the more urgent go first, of those the first to come; asking again can make it more urgent', async () => {
    const { jobs, started, running } = controlled(1);
    const asked: [string, Urgency][] = [
      ['first', 'idle'],
      ['idle 1', 'idle'],
      ['idle 2', 'idle'],
      ['soon 1', 'soon'],
      ['soon 2', 'soon'],
      ['awaited', 'awaited'],
      ['soon 2', 'awaited'],
      ['soon 2', 'idle'],
      ['idle 2', 'soon'],
    ];
    const all = asked.map(([key, urgency]) => jobs.run(key, urgency));
    while (running.size > 0) {
      expect(running.size).toBe(1);
      for (const { finish } of running.values()) finish();
      await settle();
    }
    await Promise.all(all);
    expect(started).toEqual(['first', 'soon 2', 'awaited', 'idle 2', 'soon 1', 'idle 1']);
  });

  test('there are never more than the slots, and never two idle ones', async () => {
    const act = fc.record({ key: fc.nat(9), urgency: fc.constantFrom<Urgency>('awaited', 'soon', 'idle') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { maxLength: 30 }),
        fc.integer({ min: 1, max: 3 }),
        async (acts, slots) => {
          const { jobs, running } = controlled(slots);
          const urgent = new Set<string>();
          const all = acts.map(({ key, urgency }) => {
            if (urgency !== 'idle') urgent.add(`${key}`);
            return jobs.run(`${key}`, urgency);
          });
          while (running.size > 0) {
            expect(running.size).toBeLessThanOrEqual(slots);
            expect([...running.keys()].filter((key) => !urgent.has(key)).length).toBeLessThanOrEqual(1);
            running.values().next().value?.finish();
            await settle();
          }
          expect(await Promise.all(all)).toEqual(acts.map(({ key }) => `result of ${key}`));
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('what is dropped', () => {
  test('ends, running or not, and can be asked for again', async () => {
    const { jobs, running, started } = controlled(1);
    const ended = [jobs.run('running', 'soon'), jobs.run('queued', 'idle')].map(kindOfRejection);
    jobs.drop('running');
    jobs.drop('queued');
    jobs.drop('unknown');
    expect(await Promise.all(ended)).toEqual(['cancelled', 'cancelled']);
    const again = jobs.run('queued', 'soon');
    running.get('queued')?.finish();
    expect(await again).toBe('result of queued');
    expect(started).toEqual(['running', 'queued']);
  });

  test('goes on when a command waits for it', async () => {
    const { jobs, running } = controlled(1);
    const job = jobs.run('a', 'soon');
    expect(jobs.isAwaited('a')).toBe(false);
    void jobs.run('a', 'awaited');
    expect(jobs.isAwaited('a')).toBe(true);
    jobs.drop('a');
    running.get('a')?.finish();
    expect(await job).toBe('result of a');
    expect(jobs.isAwaited('a')).toBe(false);
  });
});

test('stopping ends everything, and resolves when nothing runs any more', async () => {
  const { jobs, running } = controlled(1);
  const ended = [jobs.run('a', 'awaited'), jobs.run('b', 'idle')].map(kindOfRejection);
  await jobs.stop();
  expect(running.size).toBe(0);
  expect(await Promise.all(ended)).toEqual(['cancelled', 'cancelled']);
  expect(await kindOfRejection(jobs.run('c', 'awaited'))).toBe('cancelled');
});
