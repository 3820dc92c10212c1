import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemTimers, type Timers } from '@deploy-tools/agent/host/timers.js';
import { parseHttpCheck } from '@deploy-tools/agent/process/health/parse-checks.js';
import { proveHealthy } from '@deploy-tools/agent/process/health/prove-healthy.js';
import { readChildren } from '@deploy-tools/agent/process/supervise/child-record.js';
import type { Launch } from '@deploy-tools/agent/process/supervise/start-child.js';
import type { Prove } from '@deploy-tools/agent/process/supervise/supervisor.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { ask, startHttpLoad } from '../../../../../test/support/http-load.js';
import { testScope } from '../../../../../test/support/scope.js';
import { until } from '../../../../../test/support/until.js';
import { isRunning, serverLaunch, shellLaunch, supervised } from './supervised.js';

const NEVER = new AbortController().signal;
const proven: Prove = async () => {};

function healthy(port: number): Prove {
  return (program, signal) =>
    proveHealthy({
      checks: [parseHttpCheck(`http://127.0.0.1:${port}/`)],
      ...{ minHealthyMs: 300, deadlineMs: 60_000, intervalMs: 50, timeoutMs: 20_000, unhealthyAfter: 0 },
      ...{ environment: {}, cwd: '/', timers: systemTimers, signal, died: program.died },
    });
}

describe('what a program gets', () => {
  it('is its sockets by both conventions, its own process id, and nothing else', async () => {
    const site = await supervised(testScope(), {}, ['127.0.0.1:0', '[::1]:0', '0']);
    const launch = shellLaunch(
      `env | grep -E 'LISTEN|STARTER' | sort; echo self $$; for fd in /proc/$$/fd/*; do readlink $fd | grep -q socket: && printf '%s ' \${fd##*/}; done; pwd; wc -c; sleep 60`,
      site.dir,
    );
    const stale = { LISTEN_PID: '1', LISTEN_FDS: '9', SERVER_STARTER_PORT: 'x=9' };
    const environment = { ...launch.environment, ...stale };
    const { program } = await site.supervisor.switchTo({ ...launch, environment }, proven, NEVER);
    await site.line('0');
    const [a, b, c] = site.listeners.map(({ port }) => port);
    expect(site.lines.map(({ line }) => line)).toEqual([
      `LISTEN_FDNAMES=127.0.0.1_${a}:[__1]_${b}:${c}`,
      'LISTEN_FDS=3',
      `LISTEN_PID=${program.pid}`,
      'SERVER_STARTER_GENERATION=1',
      `SERVER_STARTER_PORT=127.0.0.1:${a}=3;[::1]:${b}=4;${c}=5`,
      `self ${program.pid}`,
      `3 4 5 ${site.dir}`,
      '0',
    ]);
    const group = readFileSync(`/proc/${program.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2];
    expect(group).toBe(String(program.pid));
  });

  it('is no socket when none was asked for', async () => {
    const site = await supervised(testScope(), {}, []);
    await site.supervisor.switchTo(
      shellLaunch('env | grep -cE LISTEN; env | grep STARTER; sleep 60'),
      proven,
      NEVER,
    );
    await site.line('SERVER_STARTER_GENERATION=1');
    expect(site.lines[0]?.line).toBe('0');
  });
});

describe('a switch', () => {
  it('loses no request under load, by either convention', async () => {
    const site = await supervised(testScope(), { minUpMs: 200 });
    const prove = healthy(site.port);
    await site.supervisor.switchTo(serverLaunch('v1'), prove, NEVER);
    const load = startHttpLoad({ port: site.port, fresh: 10, kept: 6 });
    const second = serverLaunch('v2', { CONVENTION: 'starter', SLOW_START: '100' });
    await (await site.supervisor.switchTo(second, prove, NEVER)).drained;
    await (await site.supervisor.switchTo(serverLaunch('v3'), prove, NEVER)).drained;
    await site.supervisor.restart(prove, NEVER);
    const result = await load.stop();
    expect(result.failures).toEqual([]);
    expect([...result.answers.keys()].sort()).toEqual(['v1', 'v2', 'v3']);
    expect(await ask(site.port)).toMatch(/^v3 \d+ [34]$/);
  });

  it('lets the old one finish what it began, though the new one is in charge', async () => {
    const site = await supervised(testScope());
    await site.supervisor.switchTo(serverLaunch('v1'), healthy(site.port), NEVER);
    const slow = ask(site.port, false, '/slow');
    await ask(site.port); // one that came later is answered: it has reached it
    const { drained } = await site.supervisor.switchTo(serverLaunch('v2'), healthy(site.port), NEVER);
    expect(await slow).toMatch(/^v1 \d+ 1$/);
    await drained;
    expect(site.events).toContainEqual(
      expect.objectContaining({ kind: 'ended', generation: 1, killed: false }),
    );
  });

  it('kills an old one that does not end, with its group', async () => {
    const site = await supervised(testScope(), { stopTimeoutMs: 200 }, []);
    const stubborn = shellLaunch(`trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done`);
    const { program } = await site.supervisor.switchTo(stubborn, proven, NEVER);
    await until('its child', () => site.lines.length > 0);
    const { drained } = await site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER);
    await drained;
    expect(site.events).toContainEqual({ kind: 'ended', pid: program.pid, generation: 1, killed: true });
    expect(isRunning(program.pid)).toBe(false);
    await until('its child has ended', () => !isRunning(Number(site.lines[0]?.line)));
  });

  it('waits for the one before it', async () => {
    const site = await supervised(testScope(), {}, []);
    const [one, two] = await Promise.all([
      site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER),
      site.supervisor.switchTo(shellLaunch('sleep 61'), proven, NEVER),
    ]);
    await two.drained;
    expect(site.supervisor.inCharge?.program).toBe(two.program);
    expect(isRunning(one.program.pid)).toBe(false);
  });
});

describe('a switch that fails leaves the old one alone', () => {
  async function failing(launch: Launch, prove: Prove, minUpMs = 200) {
    const site = await supervised(testScope(), { minUpMs });
    const { program } = await site.supervisor.switchTo(serverLaunch('v1'), healthy(site.port), NEVER);
    const load = startHttpLoad({ port: site.port, fresh: 4, kept: 2 });
    const error = await site.supervisor.switchTo(launch, prove, NEVER).catch((thrown: unknown) => thrown);
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(isRunning(program.pid)).toBe(true);
    expect(site.supervisor.inCharge?.program).toBe(program);
    expect(readChildren(site.recordPath)).toHaveLength(1);
    return { site, error };
  }

  it('when the new one dies before it has lived for a while', async () => {
    const { error } = await failing(shellLaunch('exit 1'), proven, 2000);
    expect(error).toMatchObject({
      kind: 'unhealthy',
      message: expect.stringMatching(/^the program \(process \d+\) ended with exit status 1$/),
    });
  });

  it('when it is not healthy; it is drained then', async () => {
    const wrong = new DeployError('unhealthy', 'not healthy within 5m0s');
    const { site, error } = await failing(serverLaunch('v2'), () => Promise.reject(wrong));
    expect(error).toBe(wrong);
    expect(site.events).toContainEqual(
      expect.objectContaining({ kind: 'ended', generation: 2, killed: false }),
    );
  });

  it('when it is not healthy and ignores TERM, which it may not for as long as one that was in charge', async () => {
    const wrong = new DeployError('unhealthy', 'no');
    const deaf = shellLaunch("trap '' TERM; echo deaf; while :; do sleep 0.1; done");
    const times: number[] = [];
    const timers: Timers = {
      ...systemTimers,
      sleep: (ms, signal) => {
        times.push(ms);
        return systemTimers.sleep(Math.min(ms, 50), signal);
      },
    };
    const site = await supervised(testScope(), { timers, stopTimeoutMs: 3_600_000 });
    await site.supervisor.switchTo(serverLaunch('v1'), healthy(site.port), NEVER);
    const prove: Prove = async () => {
      await site.line('deaf');
      throw wrong;
    };
    await expect(site.supervisor.switchTo(deaf, prove, NEVER)).rejects.toBe(wrong);
    expect(site.events.at(-1)).toMatchObject({ kind: 'ended', generation: 2, killed: true });
    expect(times).toContain(2000);
    expect(times).not.toContain(3_600_000);
  });

  it('when it dies while it is asked', async () => {
    const die: Prove = async (program, signal) => {
      process.kill(program.pid, 'SIGSEGV');
      await systemTimers.sleep(20_000, signal);
    };
    const { error } = await failing(shellLaunch('exec sleep 60'), die);
    expect(error).toMatchObject({
      kind: 'unhealthy',
      message: expect.stringContaining('was killed by SIGSEGV'),
    });
  });

  it('when it is called off', async () => {
    const site = await supervised(testScope());
    await site.supervisor.switchTo(serverLaunch('v1'), healthy(site.port), NEVER);
    const stop = new AbortController();
    const prove: Prove = async (_program, signal) => {
      stop.abort();
      await systemTimers.sleep(20_000, signal);
    };
    await expect(site.supervisor.switchTo(serverLaunch('v2'), prove, stop.signal)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(site.supervisor.inCharge?.program?.generation).toBe(1);
  });

  it('when it is called off, though it ignores TERM: its end is not waited for', async () => {
    const site = await supervised(testScope(), { stopTimeoutMs: 600_000 }, []);
    const { program } = await site.supervisor.switchTo(shellLaunch('sleep 60', site.dir), proven, NEVER);
    const stop = new AbortController();
    const stubborn = shellLaunch(`trap '' TERM; echo on; until test -e ended; do sleep 0.02; done`, site.dir);
    const prove: Prove = async (_program, signal) => {
      await site.line('on');
      stop.abort();
      await systemTimers.sleep(20_000, signal);
    };
    testScope().defer(() => writeFileSync(join(site.dir, 'ended'), ''));
    await expect(site.supervisor.switchTo(stubborn, prove, stop.signal)).rejects.toThrow();
    const { pid = 0 } = (await site.event('stopping')) as { pid?: number };
    expect([isRunning(pid), site.supervisor.inCharge?.program]).toEqual([true, program]);
    expect(readChildren(site.recordPath)).toHaveLength(2);

    let isDrained = false;
    const { drained } = await site.supervisor.switchTo(shellLaunch('sleep 61', site.dir), proven, NEVER);
    void drained.then(() => (isDrained = true));
    await site.event('ended');
    expect([isDrained, isRunning(pid)]).toEqual([false, true]);
    writeFileSync(join(site.dir, 'ended'), '');
    await drained;
    expect(isRunning(pid)).toBe(false);
  });

  it('when there is no such directory, or program', async () => {
    const site = await supervised(testScope(), { minUpMs: 5000 }, []);
    await expect(
      site.supervisor.switchTo(shellLaunch('exit', '/nonexistent'), proven, NEVER),
    ).rejects.toThrow('the program /bin/sh cannot be started: there is no directory /nonexistent');
    const missing = { ...shellLaunch(''), command: ['./no-such-program'] as const };
    await expect(site.supervisor.switchTo(missing, proven, NEVER)).rejects.toThrow(
      'ended with exit status 127',
    );
    expect(site.lines.map(({ line }) => line).join()).toContain('no-such-program: not found');
    expect(site.supervisor.inCharge).toBeUndefined();
  });
});
