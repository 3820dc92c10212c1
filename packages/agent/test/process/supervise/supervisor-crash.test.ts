import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { parseHttpCheck } from '@deploy-tools/agent/process/health/parse-checks.js';
import { proveHealthy } from '@deploy-tools/agent/process/health/prove-healthy.js';
import { readChildren } from '@deploy-tools/agent/process/supervise/child-record.js';
import type { Prove } from '@deploy-tools/agent/process/supervise/supervisor.js';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../../../test/support/http-load.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { until } from '../../../../../test/support/until.js';
import { isRunning, serverLaunch, shellLaunch, supervised } from './supervised.js';

const NEVER = new AbortController().signal;
const QUICK = { firstMs: 20, maxMs: 80, stableMs: 600_000 };
const proven: Prove = async () => {};

function healthy(port: number): Prove {
  return (program, signal) =>
    proveHealthy({
      checks: [parseHttpCheck(`http://127.0.0.1:${port}/`)],
      ...{ minHealthyMs: 300, deadlineMs: 60_000, intervalMs: 50, timeoutMs: 20_000, unhealthyAfter: 0 },
      ...{ environment: {}, cwd: '/', timers: systemTimers, signal, died: program.died },
    });
}

describe('a crash', () => {
  it('is reported and followed by a start, after growing pauses, whatever the status', async () => {
    const dir = tempDir(testScope()); // removed when the supervisor has stopped, and with it who writes there
    const site = await supervised(testScope(), { backoff: QUICK }, []);
    const count = `echo x >> ${join(dir, 'runs')}; n=$(wc -l < ${join(dir, 'runs')}); [ $n -le 4 ] || exec sleep 60; exit $((n - 1))`;
    site.supervisor.start(shellLaunch(count));
    await site.event('crashed', 4);
    await site.event('started', 5);
    const crashes = site.events.flatMap((event) =>
      event.kind === 'crashed'
        ? [[event.error.message.replace(/\d+\)/, 'N)'), event.generation, event.restartInMs]]
        : [],
    );
    expect(crashes).toEqual([
      ['the program (process N) ended with exit status 0', 1, 20],
      ['the program (process N) ended with exit status 1', 2, 40],
      ['the program (process N) ended with exit status 2', 3, 80],
      ['the program (process N) ended with exit status 3', 4, 80],
    ]);
    await until('it stays', () => site.supervisor.inCharge?.program?.generation === 5);
    expect(readChildren(site.recordPath).map(({ generation }) => generation)).toEqual([5]);
  });

  it('is reported for good to the caller that let the program take over, though it runs again', async () => {
    const dir = tempDir(testScope());
    const site = await supervised(testScope(), { backoff: QUICK }, []);
    await site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER);
    const once = `[ -e ${join(dir, 'ran')} ] && exec sleep 60; touch ${join(dir, 'ran')}; while ! [ -e ${join(dir, 'go')} ]; do sleep 0.02; done; exit 3`;
    const { crashed } = await site.supervisor.switchTo(shellLaunch(once), proven, NEVER);
    expect(crashed.aborted).toBe(false);
    writeFileSync(join(dir, 'go'), '');
    await site.event('crashed', 1);
    expect(site.supervisor.inCharge?.crashed).toBe(crashed); // in the pause it is no other run yet
    await site.event('started', 3);
    expect(crashed.reason).toMatchObject({ kind: 'unhealthy' });
    await until('it runs', () => site.supervisor.inCharge?.program?.generation === 3);
    expect(site.supervisor.inCharge?.crashed.aborted).toBe(false);
  });

  it('counts as the first one after a stable run', async () => {
    const site = await supervised(testScope(), { backoff: { ...QUICK, maxMs: 60_000, stableMs: 0 } }, []);
    site.supervisor.start(shellLaunch('exit 1'));
    await site.event('crashed', 3);
    const delays = site.events.flatMap((event) => (event.kind === 'crashed' ? [event.restartInMs] : []));
    expect(delays.slice(0, 3)).toEqual([20, 20, 20]);
  });

  it('ends what the program leaves behind', async () => {
    const site = await supervised(testScope(), { backoff: { ...QUICK, firstMs: 60_000, maxMs: 60_000 } }, []);
    site.supervisor.start(shellLaunch('sleep 1000 & echo $!; kill -9 $$'));
    await site.event('ended');
    expect(site.lines).toHaveLength(1);
    expect(isRunning(Number(site.lines[0]?.line))).toBe(false);
  });

  it('loses no connection: they wait for the next start', async () => {
    const site = await supervised(testScope(), { backoff: QUICK });
    await site.supervisor.switchTo(serverLaunch('v1'), healthy(site.port), NEVER);
    const pid = site.supervisor.inCharge?.program?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await site.event('crashed');
    expect(await ask(site.port)).toMatch(/^v1 \d+ 2$/);
  });

  it('of a program that another replaces in the pause is over', async () => {
    const site = await supervised(testScope(), { backoff: { ...QUICK, firstMs: 60_000, maxMs: 60_000 } }, []);
    site.supervisor.start(shellLaunch('exit 7'));
    await site.event('crashed');
    expect(site.supervisor.inCharge?.program).toBeUndefined();
    const unproven = () => new Promise<void>(() => {}); // however long it takes to end on a busy machine
    await expect(site.supervisor.restart(unproven, NEVER)).rejects.toMatchObject({ kind: 'unhealthy' });
    const { program, drained } = await site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER);
    await drained;
    expect(site.supervisor.inCharge?.program).toBe(program);
    expect(site.events.filter(({ kind }) => kind === 'crashed')).toHaveLength(1);
  });
});

describe('stopping', () => {
  it('drains, ends everything and leaves no record', async () => {
    const site = await supervised(testScope());
    const { program } = await site.supervisor.switchTo(serverLaunch('v1'), healthy(site.port), NEVER);
    const slow = ask(site.port, false, '/slow');
    await ask(site.port); // one that came later is answered: it has reached it
    await site.supervisor.stop();
    expect(await slow).toMatch(/^v1 /);
    expect(isRunning(program.pid)).toBe(false);
    expect(readChildren(site.recordPath)).toEqual([]);
    expect(site.events.filter(({ kind }) => kind === 'crashed')).toEqual([]);
  });

  it('ends a switch, and starts nothing after', async () => {
    const site = await supervised(testScope(), {}, []);
    site.supervisor.start(shellLaunch('sleep 60'));
    await site.event('started');
    const endless: Prove = (_program, signal) => systemTimers.sleep(60_000, signal);
    const switching = site.supervisor.switchTo(shellLaunch('sleep 61'), endless, NEVER);
    const refused = expect(switching).rejects.toMatchObject({ name: 'AbortError' });
    await site.event('started', 2);
    await Promise.all([site.supervisor.stop(), site.supervisor.stop()]);
    await refused;
    await expect(site.supervisor.switchTo(shellLaunch('sleep 62'), proven, NEVER)).rejects.toMatchObject({
      name: 'AbortError',
    });
    for (const event of site.events) if (event.kind === 'started') expect(isRunning(event.pid)).toBe(false);
    expect(site.events.filter(({ kind }) => kind === 'ended')).toHaveLength(2);
  });

  it('does not wait for the end of a pause', async () => {
    const site = await supervised(testScope(), { backoff: { ...QUICK, firstMs: 60_000, maxMs: 60_000 } }, []);
    site.supervisor.start(shellLaunch('exit 1'));
    await site.event('crashed');
    await site.supervisor.stop();
  });
});

it('a record that cannot be written stops no service', async () => {
  const site = await supervised(testScope(), { recordPath: '/nonexistent/programs.json' }, []);
  await site.supervisor.switchTo(shellLaunch('sleep 60'), proven, NEVER);
  expect(site.events).toContainEqual(expect.objectContaining({ kind: 'unrecorded' }));
});
