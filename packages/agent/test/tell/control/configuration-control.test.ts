import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { answerControl, type Controlled } from '@deploy-tools/agent/tell/control/configuration-control.js';
import type { ControlCommand } from '@deploy-tools/agent/tell/control/control-line.js';
import { describe, expect, it } from 'vitest';
import { DeployingHost } from '../../deploying-host.js';

const NEVER = new AbortController().signal;

/** Somebody on a host on which v2 is being validated, who says that. @returns the answer, and what the attempt was ended with. */
async function said(command: ControlCommand) {
  const host = await DeployingHost.make(['v1', 'v2']);
  await host.look('v1');
  const { context } = host;
  context.ledger.begin(host.config('v2'), host.config('v1'));
  for (const event of ['fetch', 'stage', 'activate', 'validate'] as const) context.ledger.step(event);
  context.pause.begin({ by: 'alice' });
  const pushes = new Pushes();
  const attempt = pushes.deploying(host.config('v2').hash);
  const config: Controlled = {
    context,
    loop: pushes,
    wanted: () => undefined,
    present: () => ({ config: 'project', state: 'validating' }),
  };
  const [answer] = answerControl(new Map([['project', config]]), { command, name: undefined, by: 'ops' });
  return { answer, reason: attempt.signal.reason, isPaused: context.pause.paused };
}

/** A host that says not now to v2, with its answer to `retry`. */
async function vetoing(isAskedAgain: boolean) {
  const host = await DeployingHost.make(['v1', 'v2']);
  await host.look('v1');
  await host.set({ ...host.context.settings, hooks: { pre: host.hook('pre', ':', 'exit 75') } });
  expect(await host.look('v2')).toMatchObject({ kind: 'waiting' });
  const { context } = host;
  const pushes = new Pushes();
  const call = pushes.deploying(host.config('v2').hash);
  if (!isAskedAgain) call.close();
  const config: Controlled = {
    context,
    loop: pushes,
    wanted: () => undefined,
    present: () => ({ config: 'project', state: 'vetoed' }),
  };
  const request = { command: 'retry' as const, name: undefined, by: 'ops' };
  const [answer] = answerControl(new Map([['project', config]]), request);
  return { host, answer, awakening: pushes.wait(0, undefined, NEVER) };
}

describe('retry of a revision that was vetoed', () => {
  it('has it tried now', async () => {
    const { host, answer, awakening } = await vetoing(false);
    expect([answer, await awakening]).toMatchObject([{ Answer: 'trying again' }, 'nudged']);
    expect(host.context.ledger.journal.hold).toMatchObject({ why: 'vetoed', retry: true });
  });

  it('hears that nothing is held back while the host is asked again', async () => {
    const { host, answer, awakening } = await vetoing(true);
    expect(answer).toMatchObject({ Answer: 'nothing is held back, a deployment is pending' });
    expect(await awakening).toBe('time');
    expect(host.context.ledger.journal.hold).not.toHaveProperty('retry');
  });
});

describe('somebody on the host who says, while a release is validated,', () => {
  it('cancel: ends the deployment, and the host rolls back', async () => {
    expect(await said('cancel')).toMatchObject({
      answer: { State: 'validating', Answer: 'cancelled, rolling back' },
      reason: { message: 'cancelled by ops on the host' },
      isPaused: true,
    });
  });

  it('rollback: cancels it likewise, also where the host is paused', async () => {
    expect(await said('rollback')).toMatchObject({
      answer: { Answer: 'cancelled, rolling back' },
      reason: { message: 'cancelled by ops on the host' },
    });
  });

  it('retry: hears that nothing is held back', async () => {
    const { answer, reason } = await said('retry');
    expect(answer).toMatchObject({ Answer: 'nothing is held back, a deployment is validating' });
    expect(reason).toBeUndefined();
  });
});
