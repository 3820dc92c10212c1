import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Launch } from '@deploy-tools/agent/process/supervise/start-child.js';
import type { Prove } from '@deploy-tools/agent/process/supervise/supervisor.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../../../../test/support/free-port.js';
import { ask } from '../../../../../test/support/http-load.js';
import { testScope } from '../../../../../test/support/scope.js';
import { serverLaunch, shellLaunch, supervised } from './supervised.js';

const NEVER = new AbortController().signal;
const proven: Prove = async () => {};

describe('with the handoff restart', () => {
  /** Opens its port itself, which only one can at a time. */
  const owner = (port: number, version: string): Launch => ({
    ...serverLaunch(version),
    command: [
      process.execPath,
      '-e',
      `require('http').createServer((_, res) => res.end('${version}')).listen(${port}, '127.0.0.1', () => console.log('${version} serves'));
       process.on('SIGTERM', () => process.exit(0));`,
    ],
  });

  it('the old one has ended before the new one starts, and the time between is reported', async () => {
    const port = await freePort();
    const site = await supervised(testScope(), { handoff: 'restart' }, []);
    const serves =
      (version: string): Prove =>
      async () =>
        void (await site.line(`${version} serves`));
    await site.supervisor.switchTo(owner(port, 'v1'), serves('v1'), NEVER);
    await site.supervisor.switchTo(owner(port, 'v2'), serves('v2'), NEVER);
    expect(await ask(port)).toBe('v2');
    expect(site.events.map(({ kind }) => kind)).toEqual([
      'started',
      'in-charge',
      'stopping',
      'ended',
      'started',
      'in-charge',
    ]);
    expect(site.events.at(-1)).toMatchObject({ generation: 2, gapMs: expect.any(Number) });
  });

  it('what was called off while the old one drains is not started, and the old one is again', async () => {
    const site = await supervised(testScope(), { handoff: 'restart' }, []);
    const old = shellLaunch(
      `trap 'until test -e go; do sleep 0.02; done; rm go; exit' TERM; echo old; while :; do sleep 0.02; done`,
      site.dir,
    );
    await site.supervisor.switchTo(old, proven, NEVER);
    await site.line('old');
    const stop = new AbortController();
    const switching = site.supervisor.switchTo(shellLaunch('echo new; sleep 60'), proven, stop.signal);
    await site.event('stopping');
    stop.abort(new DeployError('conflict', 'cancelled by ops'));
    writeFileSync(join(site.dir, 'go'), '');
    await expect(switching).rejects.toThrow('cancelled by ops');
    await site.line('old', 2);
    expect(site.lines.map(({ line }) => line)).toEqual(['old', 'old']);
    expect(site.supervisor.inCharge?.launch).toBe(old);
    writeFileSync(join(site.dir, 'go'), ''); // for its end
  });

  it('the old one is started again when the new one fails', async () => {
    const port = await freePort();
    const site = await supervised(testScope(), { handoff: 'restart' }, []);
    await site.supervisor.switchTo(owner(port, 'v1'), async () => void (await site.line('v1 serves')), NEVER);
    const unhealthy: Prove = async () => {
      throw new DeployError('unhealthy', 'not good');
    };
    await expect(site.supervisor.switchTo(owner(port, 'v2'), unhealthy, NEVER)).rejects.toThrow('not good');
    await site.line('v1 serves', 2);
    expect(await ask(port)).toBe('v1');
    expect(site.supervisor.inCharge?.launch).toEqual(owner(port, 'v1'));
  });
});
