import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import type { Prove } from '@deploy-tools/agent/process/supervise/supervisor.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { until } from '../../../../../test/support/until.js';
import { shellLaunch, supervised } from './supervised.js';

const NEVER = new AbortController().signal;
const proven: Prove = async () => {};
/** Neither passes nor fails before it is called off. */
const endless: Prove = (_program, signal) => systemTimers.sleep(600_000, signal);

describe('a restart that is asked for while a switch goes on', () => {
  it('is one of the program that took over', async () => {
    const site = await supervised(testScope(), {}, []);
    await site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER);
    const next = shellLaunch('sleep 61');
    const restarts: Promise<unknown>[] = [];
    const switched = await site.supervisor.switchTo(
      next,
      async () => void restarts.push(site.supervisor.restart(proven, NEVER)),
      NEVER,
    );
    await Promise.all(restarts);
    expect(site.supervisor.inCharge?.launch).toBe(next);
    expect(site.supervisor.inCharge?.program?.launch).toBe(next);
    expect(site.supervisor.inCharge?.program).not.toBe(switched.program);
  });

  it('is one of the program before, when the new one was not taken', async () => {
    const site = await supervised(testScope(), {}, []);
    const first = shellLaunch('sleep 60');
    await site.supervisor.switchTo(first, proven, NEVER);
    const restarts: Promise<unknown>[] = [];
    const refuse: Prove = async () => {
      restarts.push(site.supervisor.restart(proven, NEVER));
      throw new DeployError('unhealthy', 'no');
    };
    await expect(site.supervisor.switchTo(shellLaunch('sleep 61'), refuse, NEVER)).rejects.toThrow('no');
    await Promise.all(restarts);
    expect(site.supervisor.inCharge?.program).toMatchObject({ launch: first, generation: 3 });
  });
});

describe('a restart whose program is not proven yet', () => {
  it('is interrupted by a switch, and so are those that wait for their turn', async () => {
    const site = await supervised(testScope(), {}, []);
    await site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER);
    const restarts = [site.supervisor.restart(endless, NEVER), site.supervisor.restart(endless, NEVER)];
    await site.event('started', 2);
    const next = shellLaunch('sleep 61');
    const { program } = await site.supervisor.switchTo(next, proven, NEVER);
    await Promise.all(restarts);
    expect(site.supervisor.inCharge?.program).toBe(program); // started after they were asked for: there is nothing left to do
    expect(site.events.filter(({ kind }) => kind === 'started')).toHaveLength(3);
  });

  it('is done after a switch that failed', async () => {
    const site = await supervised(testScope(), {}, []);
    const first = shellLaunch('sleep 60');
    await site.supervisor.switchTo(first, proven, NEVER);
    let times = 0;
    const secondTime: Prove = (program, signal) => {
      times += 1;
      return times === 1 ? endless(program, signal) : proven(program, signal);
    };
    const restart = site.supervisor.restart(secondTime, NEVER);
    await until('it is asked', () => times === 1);
    const refuse: Prove = () => Promise.reject(new DeployError('unhealthy', 'no'));
    await expect(site.supervisor.switchTo(shellLaunch('sleep 61'), refuse, NEVER)).rejects.toThrow('no');
    await restart;
    expect(site.supervisor.inCharge?.program).toMatchObject({ launch: first, generation: 4 });
  });

  it('with the handoff restart, leaves nothing running beside the next one', async () => {
    const site = await supervised(testScope(), { handoff: 'restart' }, []);
    await site.supervisor.switchTo(shellLaunch('exec sleep 60'), proven, NEVER);
    const restart = site.supervisor.restart(endless, NEVER);
    await site.event('started', 2);
    await site.supervisor.switchTo(shellLaunch('exec sleep 61'), proven, NEVER);
    await restart;
    let running = 0;
    for (const { kind } of site.events) {
      if (kind === 'started') running += 1;
      if (kind === 'ended') running -= 1;
      expect(running).toBeLessThan(2);
    }
    expect(running).toBe(1);
  });

  it('is not done again by an agent that is to stop', async () => {
    const site = await supervised(testScope(), {}, []);
    await site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER);
    const stop = new AbortController();
    const refused = expect(site.supervisor.restart(endless, stop.signal)).rejects.toThrow();
    await site.event('started', 2);
    const switching = site.supervisor.switchTo(shellLaunch('sleep 61'), endless, stop.signal);
    const ended = expect(switching).rejects.toThrow();
    stop.abort();
    await Promise.all([refused, ended]);
    expect(site.supervisor.inCharge?.program?.generation).toBe(1);
  });
});

it('nothing can be restarted where nothing runs', async () => {
  const site = await supervised(testScope(), {}, []);
  await expect(site.supervisor.restart(proven, NEVER)).rejects.toMatchObject({ kind: 'not-found' });
});
