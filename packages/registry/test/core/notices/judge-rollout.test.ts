import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import {
  adoptRollout,
  EDIT_EVERY_MS,
  judgeRollout,
} from '@deploy-tools/registry/core/notices/judge-rollout.js';
import type { EarlierFailures, RolloutFacts } from '@deploy-tools/registry/core/notices/rollout-facts.js';
import {
  decodeRolloutState,
  encodeRolloutState,
  type RolloutState,
} from '@deploy-tools/registry/core/notices/rollout-state.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const START = Date.parse('2026-01-02T03:04:05.678Z');

const QUIET: RolloutFacts = {
  revision: 7,
  hosts: 300,
  inSync: 0,
  failed: 0,
  failedAndGone: 0,
  failure: undefined,
  error: undefined,
  begun: false,
  settled: false,
  heard: true,
  named: [],
  rounds: 0,
};

const failing = (failed: number, fields: Partial<RolloutFacts> = {}): Partial<RolloutFacts> => ({
  failed,
  failure: 'deploy-rolled-back',
  error: { kind: 'script', message: 'exited with status 3' },
  begun: true,
  rounds: 1,
  ...fields,
});

/** A rollout that is looked at again and again, with what is kept in between. */
function follow(before?: RolloutState) {
  let state = before;
  let now = START;
  return {
    get state() {
      return state;
    },
    pass: (ms: number) => {
      now += ms;
    },
    look: (fields: Partial<RolloutFacts>, earlier?: EarlierFailures): readonly DeployNotice[] => {
      const judged = judgeRollout(
        { configuration: 'project1', facts: { ...QUIET, ...fields }, now: new Date(now) },
        state,
        earlier,
      );
      state = decodeRolloutState(encodeRolloutState(judged.state));
      return judged.notices;
    },
  };
}

/** `event done/hosts edition` of each. */
const short = (notices: readonly DeployNotice[]) =>
  notices.map(
    ({ event, done, hosts, edition }) => `${event.slice(7)} ${done}/${hosts} ${edition ?? 'first'}`,
  );

describe('a rollout', () => {
  it('that no host has begun makes no notice', () => {
    const { look } = follow();
    expect(look({})).toEqual([]);
    expect(look({ hosts: 0, settled: true })).toEqual([]);
  });

  it('of 300 hosts makes one notice, and newer numbers at intervals', () => {
    const rollout = follow();
    expect(short(rollout.look({ begun: true }))).toEqual(['started 0/300 first']);
    expect(rollout.look({ begun: true, inSync: 10 })).toEqual([]);
    rollout.pass(EDIT_EVERY_MS);
    expect(short(rollout.look({ begun: true, inSync: 200 }))).toEqual(['started 200/300 progress']);
    rollout.pass(EDIT_EVERY_MS);
    expect(rollout.look({ begun: true, inSync: 200 })).toEqual([]);
    const done = {
      begun: true,
      inSync: 299,
      settled: true,
      named: [{ host: 'web9', reason: 'silent for 50 s' }],
    };
    const [notice, ...more] = rollout.look(done);
    expect(more).toEqual([]);
    expect(notice).toMatchObject({ event: 'deploy-succeeded', done: 299, hosts: 300, named: done.named });
    expect(rollout.look(done)).toEqual([]);
  });

  it('that is over at the first check makes a notice of success alone', () => {
    expect(short(follow().look({ begun: true, inSync: 300, settled: true }))).toEqual([
      'succeeded 300/300 first',
    ]);
  });

  it('that fails on many hosts fails once: the first at once, the last number at the end', () => {
    const rollout = follow();
    expect(short(rollout.look(failing(1)))).toEqual(['rolled-back 1/300 first']);
    expect(rollout.look(failing(50))).toEqual([]);
    rollout.pass(EDIT_EVERY_MS);
    expect(short(rollout.look(failing(60)))).toEqual(['rolled-back 60/300 progress']);
    expect(short(rollout.look(failing(80, { settled: true })))).toEqual(['rolled-back 80/300 final']);
    expect(rollout.look(failing(80, { settled: true }))).toEqual([]);
    expect(rollout.state?.streak).toMatchObject({ failures: 1 });
  });

  it('that fails again, once hosts try again, makes another notice, three in all', () => {
    const rollout = follow();
    const told = [1, 2, 3, 4, 5].map((rounds) => rollout.look(failing(2, { rounds, settled: true })));
    expect(told.map(short)).toEqual([...Array(3).fill(['rolled-back 2/300 first']), ...Array(2).fill([])]);
    expect(told[2]?.[0]?.streak).toMatchObject({ failures: 3, silence: true });
    rollout.pass(60_000);
    const [success] = rollout.look({ begun: true, inSync: 300, settled: true, rounds: 5 });
    expect(success?.recovered).toMatchObject({ failures: 5, ms: 60_000 });
  });

  it('a host that fails and is gone has not recovered', () => {
    const rollout = follow();
    rollout.look(failing(1, { settled: true }));
    const gone = { begun: true, inSync: 299, settled: true, rounds: 1 };
    expect(rollout.look({ ...gone, failedAndGone: 1 })).toEqual([]);
    expect(short(rollout.look(gone))).toEqual(['succeeded 299/300 first']);
  });

  it('failures that were over before anybody looked count', () => {
    const rollout = follow();
    rollout.look(failing(1));
    const [success] = rollout.look({ begun: true, inSync: 300, settled: true, rounds: 4 });
    expect(success?.recovered).toMatchObject({ failures: 4 });
  });

  it('the next revision goes on with the streak: silence stays silence, its success recovers', () => {
    const rollout = follow();
    for (const rounds of [1, 2, 3, 4]) rollout.look(failing(2, { rounds, settled: true }));
    expect(rollout.look({ revision: 8, begun: true })).toEqual([]);
    expect(rollout.look(failing(1, { revision: 8 }))).toEqual([]);
    const [success] = rollout.look({ revision: 8, begun: true, inSync: 300, settled: true, rounds: 1 });
    expect(success?.recovered).toMatchObject({ failures: 5 });
  });

  it('that is replaced on its way says so where the message can be changed', () => {
    const rollout = follow();
    rollout.look({ begun: true, inSync: 20 });
    const [left, ...more] = rollout.look({ revision: 8 });
    expect(left).toMatchObject({
      event: 'deploy-started',
      revision: 7,
      done: 20,
      edition: 'progress',
      replacedBy: 8,
    });
    expect(more).toEqual([]);
  });

  it('that failed on more hosts than announced before it was replaced makes a last notice', () => {
    const rollout = follow();
    const [first] = rollout.look(failing(1, { hosts: 3 }));
    expect(first).toMatchObject({ done: 1, hosts: 3, ongoing: true });
    const error = { kind: 'script', message: 'exited with status 3' };
    const earlier = { revision: 7, failed: 3, failure: 'deploy-rolled-back', error, named: [] } as const;
    const [last, ...more] = rollout.look({ revision: 8, hosts: 3 }, earlier);
    expect(last).toMatchObject({
      event: 'deploy-rolled-back',
      revision: 7,
      done: 3,
      hosts: 3,
      error,
      edition: 'final',
    });
    expect(last?.ongoing).toBeUndefined();
    expect(more).toEqual([]);
    expect(rollout.look({ revision: 8, hosts: 3 }, earlier)).toEqual([]);
  });

  it('that did not fail on more hosts makes no last notice', () => {
    const rollout = follow();
    rollout.look(failing(2, { hosts: 3 }));
    const earlier = {
      revision: 7,
      failed: 2,
      failure: 'deploy-failed',
      error: undefined,
      named: [],
    } as const;
    expect(rollout.look({ revision: 8, hosts: 3 }, earlier)).toEqual([]);
  });

  it('whose other hosts are done without another failure is no news, only said so where it can be changed', () => {
    const rollout = follow();
    rollout.look(failing(1));
    expect(rollout.look(failing(1, { settled: true }))).toMatchObject([{ edition: 'progress', done: 1 }]);
    expect(rollout.look(failing(1, { settled: true }))).toEqual([]);
  });

  it('after a restart no notice is repeated, nor are numbers sent before all hosts were heard', () => {
    const before = follow();
    before.look({ begun: true, inSync: 20 });
    before.look(failing(3));
    const after = follow(before.state);
    after.pass(60_000);
    expect(after.look({ heard: false })).toEqual([]);
    expect(after.look(failing(1, { heard: false }))).toEqual([]);
    expect(after.look(failing(3))).toEqual([]);
    expect(short(after.look(failing(4, { settled: true })))).toEqual(['rolled-back 4/300 final']);
  });

  it('from before the start makes no notice; what fails from then on does', () => {
    const rollout = follow(adoptRollout({ ...QUIET, rounds: 2 }));
    expect(rollout.look({ inSync: 300, settled: true, begun: true, rounds: 2 })).toEqual([]);
    expect(rollout.look(failing(1, { rounds: 2 }))).toEqual([]);
    expect(short(rollout.look(failing(1, { rounds: 3 })))).toEqual(['rolled-back 1/300 first']);
  });

  it('a host that fails later on, and the end of that', () => {
    const rollout = follow();
    rollout.look({ begun: true, inSync: 300, settled: true });
    expect(short(rollout.look(failing(1, { failure: 'deploy-failed', settled: true })))).toEqual([
      'failed 1/300 first',
    ]);
    const [success] = rollout.look({ begun: true, inSync: 300, settled: true, rounds: 1 });
    expect(success?.recovered).toMatchObject({ failures: 1 });
  });

  it('whatever is seen, no notice is sent twice for an unchanged state', () => {
    const facts = fc.record({
      revision: fc.integer({ min: 1, max: 3 }),
      hosts: fc.integer({ min: 0, max: 4 }),
      inSync: fc.integer({ min: 0, max: 4 }),
      failed: fc.integer({ min: 0, max: 3 }),
      begun: fc.boolean(),
      settled: fc.boolean(),
      heard: fc.boolean(),
      rounds: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 30 }), (seen) => {
        const rollout = follow();
        for (const fields of seen) {
          rollout.look(fields);
          rollout.pass(EDIT_EVERY_MS);
          expect(rollout.look(fields)).toEqual([]);
          rollout.pass(EDIT_EVERY_MS);
        }
      }),
    );
  });
});
