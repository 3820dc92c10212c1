import { AttemptFacts } from '@deploy-tools/agent/deploy/attempt-facts.js';
import type { Attempt, Journal } from '@deploy-tools/agent/deploy/journal.js';
import { presentReport } from '@deploy-tools/agent/tell/report/present-report.js';
import { describe, expect, it } from 'vitest';
import { configOf } from '../../agent-context.js';

const [A, B, C] = ['a', 'b', 'c'].map((digit, index) => ({
  ...configOf({ hash: digit.repeat(64), size: 1 }),
  revision: index + 1,
})) as [ReturnType<typeof configOf>, ReturnType<typeof configOf>, ReturnType<typeof configOf>];
const since = '2026-03-01T12:00:00.000Z';
const notBefore = '2026-03-01T12:01:00.000Z';

function attempt(step: Attempt['step'], more: Partial<Attempt> = {}): Attempt {
  return { deploy: 'd1', step, since, reason: 'deploy', number: 1, config: B, before: A, ...more };
}

function report(journal: Journal, wanted: typeof A | undefined, lastGood: typeof A | 'none' = A) {
  const facts = new AttemptFacts();
  facts.log.push('a line');
  return presentReport({
    config: 'project',
    journal,
    paused: false,
    lastGood: lastGood === 'none' ? undefined : lastGood,
    wanted,
    facts,
  });
}

describe('what a host says of a configuration', () => {
  it('on a new host, and at rest', () => {
    expect(report({}, undefined, 'none')).toEqual({ config: 'project', state: 'pending' });
    expect(report({}, B, 'none')).toMatchObject({ state: 'pending', hash: B.hash });
    expect(report({}, undefined)).toMatchObject({
      state: 'healthy',
      hash: A.hash,
      running: { hash: A.hash },
    });
    expect(report({}, A)).toMatchObject({ state: 'skipped', hash: A.hash });
    expect(report({}, B)).toMatchObject({ state: 'pending', hash: B.hash });
  });

  it('while the program keeps on crashing: failed, which is no outcome of a deploy', () => {
    const crash = { message: 'it ended', log: ['boom'] };
    const said = (journal: Journal, paused = false) =>
      presentReport({
        ...{ config: 'project', journal, paused, lastGood: B, wanted: B, facts: new AttemptFacts(), crash },
      });
    const failed = { state: 'failed', hash: B.hash, error: { kind: 'unhealthy', message: 'it ended' } };
    for (const one of [said({}), said({ attempt: attempt('healthy') }), said({}, true)]) {
      expect(one).toMatchObject({ ...failed, running: { hash: B.hash }, log: ['boom'] });
      expect(one).not.toHaveProperty('deploy');
      expect(one).not.toHaveProperty('since');
    }
    expect(said({ attempt: attempt('activating') })).toMatchObject({ state: 'activating', deploy: 'd1' });
  });

  it('says who paused it, also while something is in progress still', () => {
    const pause = { by: 'ops', since, reason: 'disk is replaced' };
    const said = (journal: Journal, paused: boolean) =>
      presentReport({
        ...{ config: 'project', journal, paused, pause, lastGood: A, wanted: A, facts: new AttemptFacts() },
      });
    expect(said({}, true)).toMatchObject({ state: 'paused', pause });
    expect(said({ attempt: attempt('validating') }, false)).toMatchObject({ state: 'validating', pause });
  });

  it('where the journal tells nothing of it: what went wrong, until it is over', () => {
    const trouble = { kind: 'no-space', message: 'no space left' } as const;
    const said = (journal: Journal, wanted: typeof A) =>
      presentReport({
        ...{
          config: 'project',
          journal,
          paused: false,
          lastGood: A,
          wanted,
          facts: new AttemptFacts(),
          trouble,
        },
      });
    expect(said({}, B)).toMatchObject({ state: 'pending', error: trouble });
    expect(said({ attempt: attempt('fetching') }, B)).toMatchObject({ state: 'fetching', error: trouble });
    expect(said({}, A)).not.toHaveProperty('error');
    const failed = { kind: 'unhealthy', message: 'no' };
    expect(said({ attempt: attempt('failed', { error: failed }) }, B)).toMatchObject({ error: failed });
  });

  it('in an attempt: its step and its id, without the log', () => {
    const live = { config: B, how: 'activated', since, before: A } as const;
    const said = report({ attempt: attempt('validating', { activated: true }), live }, B);
    expect(said).toMatchObject({
      state: 'validating',
      deploy: 'd1',
      running: { hash: B.hash },
      lastGood: { hash: A.hash },
    });
    expect(said).not.toHaveProperty('log');
  });

  it('while it is validated: what the check that has failed for longest answered last, until it passes', () => {
    const facts = new AttemptFacts();
    const said = (step: Attempt['step'], more: Partial<Attempt> = {}) =>
      presentReport({
        ...{ config: 'project', journal: { attempt: attempt(step, more) }, paused: false, lastGood: A },
        ...{ wanted: B, facts },
      });
    facts.checked('http a', '503 no database');
    facts.checked('tcp b', 'connection refused');
    facts.checked('http a', '503 no table');
    const error = { kind: 'unhealthy', message: 'http a: 503 no table' };
    expect(said('validating', { activated: true })).toMatchObject({ state: 'validating', error });
    expect(said('activating')).toMatchObject({ state: 'activating', error });
    const failed = { kind: 'script', message: 'no' };
    expect(said('rolling-back', { error: failed })).toMatchObject({ error: failed });
    expect(said('healthy')).not.toHaveProperty('error');
    facts.checked('http a', undefined);
    expect(said('validating')).toMatchObject({ error: { message: 'tcp b: connection refused' } });
    facts.checked('tcp b', undefined);
    expect(said('validating')).not.toHaveProperty('error');
    facts.checked('tcp b', 'connection refused');
    facts.clear();
    expect(said('validating')).not.toHaveProperty('error');
  });

  it('after a failure: the reason, the log, and when it is tried again', () => {
    const hold = { hash: B.hash, revision: 2, why: 'rejected', failures: 1, notBefore } as const;
    const error = { kind: 'unhealthy', message: 'no' };
    const journal = { attempt: attempt('rolled-back', { activated: true, error }), hold };
    expect(report(journal, B)).toMatchObject({
      state: 'rolled-back',
      error,
      log: ['a line'],
      notBefore,
      running: { hash: A.hash },
    });
  });

  it('after a failure, when something else is wanted: that', () => {
    const journal = { attempt: attempt('rolled-back') };
    expect(report(journal, C)).toMatchObject({ state: 'pending', hash: C.hash });
    expect(report(journal, A)).toMatchObject({ state: 'skipped', hash: A.hash });
    const live = { config: B, how: 'unknown', since } as const;
    expect(report({ attempt: attempt('inconsistent'), live }, A)).toMatchObject({
      state: 'pending',
      hash: A.hash,
    });
  });

  it('after a veto', () => {
    const hold = { hash: B.hash, why: 'vetoed', failures: 0, notBefore } as const;
    expect(report({ attempt: attempt('pending'), hold }, B)).toMatchObject({ state: 'vetoed', notBefore });
    const reason = 'the pre hook says not now: backup is running';
    const said = report({ attempt: attempt('pending'), hold: { ...hold, reason } }, B);
    expect(said).toMatchObject({ error: { kind: 'script', message: reason }, log: ['a line'] });
  });
});
