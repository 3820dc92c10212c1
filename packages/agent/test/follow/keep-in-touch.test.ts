import type { Upstream } from '@deploy-tools/agent/deploy/upstream.js';
import { askWantedFirst, keepInTouch } from '@deploy-tools/agent/follow/keep-in-touch.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { until } from '../../../../test/support/until.js';
import { agentContext, closedUpstream, configOf } from '../agent-context.js';

const [A, B] = ['a', 'b'].map((digit) => configOf({ hash: digit.repeat(64), size: 1 })) as [
  ReturnType<typeof configOf>,
  ReturnType<typeof configOf>,
];

/** A host that deploys A, and a registry that wants what it is told to. */
async function host(step: 'fetching' | 'validating') {
  const context = await agentContext(tempDir(testScope()));
  context.ledger.begin(A, undefined);
  context.ledger.step('fetch');
  if (step === 'validating')
    for (const event of ['stage', 'activate', 'validate'] as const) context.ledger.step(event);
  const registry = { wants: A, opened: 0, isAway: false };
  const reach = async () => {
    registry.opened += 1;
    if (registry.isAway) throw new DeployError('connect', 'no answer');
  };
  const upstream: Upstream = {
    ...closedUpstream(),
    reach,
    wantedHash: async () => {
      await reach();
      return registry.wants.hash;
    },
    redialMs: () => 1,
  };
  const pushes = new Pushes();
  const keep = () => {
    const leave = keepInTouch(context, { upstream, pushes, pollMs: 1 });
    testScope().defer(leave);
    return leave;
  };
  return { context, registry, upstream, pushes, keep };
}

describe('while a deployment goes on', () => {
  it('a registry that does not tell is asked, whatever the deployment is at', async () => {
    for (const step of ['fetching', 'validating'] as const) {
      const { registry, pushes, keep } = await host(step);
      const callOff = pushes.deploying(A.hash);
      keep();
      await until('questions', () => registry.opened > 2);
      expect(callOff.signal.aborted).toBe(false);
      registry.wants = B;
      await until('the wish', () => callOff.signal.aborted);
      expect(callOff.signal.reason).toMatchObject({ by: B.hash });
    }
  });

  it('a source is not asked: the deployment is finished first', async () => {
    const { context, pushes } = await host('validating');
    const callOff = pushes.deploying(A.hash);
    let opened = 0;
    const source: Upstream = {
      ...closedUpstream(),
      reach: async () => {
        opened += 1;
      },
    };
    testScope().defer(keepInTouch(context, { upstream: source, pushes, pollMs: 1 }));
    await until('polls', () => opened > 3);
    expect(callOff.signal.aborted).toBe(false);
    expect(await askWantedFirst(context, source)).toBeUndefined();
  });

  it('a registry that tells is connected to again once the release is live, also when it is away for a while', async () => {
    const { registry, pushes, keep } = await host('validating');
    pushes.heard();
    registry.isAway = true;
    const leave = keep();
    await until('attempts', () => registry.opened > 2);
    registry.isAway = false;
    const before = registry.opened;
    await until('a connection', () => registry.opened > before);
    leave();
  });
});

describe('before what was cut off is gone on with', () => {
  it('it is asked what is wanted, of what is live only, and not for long', async () => {
    const { context, upstream, registry } = await host('validating');
    registry.wants = B;
    expect(await askWantedFirst(context, upstream)).toBe(B.hash);
    registry.isAway = true;
    expect(await askWantedFirst(context, upstream)).toBeUndefined();
    const timers = { ...context.timers, sleep: async () => {} };
    expect(
      await askWantedFirst({ ...context, timers }, { ...upstream, wantedHash: () => new Promise(() => {}) }),
    ).toBeUndefined();
    const early = await host('fetching');
    expect(await askWantedFirst(early.context, early.upstream)).toBeUndefined();
    expect(early.registry.opened).toBe(0);
  });
});
