import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type ServiceManager,
  serviceManager,
  watchdogInterval,
} from '@deploy-tools/shared/host/service-manager.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeWith, PYTHON } from '../../../../test/support/requires.js';
import { type Scope, testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { until } from '../../../../test/support/until.js';

const PATH = process.env.PATH;

/** A real socket of a service manager, and the messages that came, without systemd-notify's own. */
async function managerAt(scope: Scope, path: string): Promise<string[]> {
  const messages: string[] = [];
  const child = spawn(PYTHON, [join(import.meta.dirname, 'datagrams.py'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  scope.defer(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    messages.push(
      ...lines.map((line) => String(JSON.parse(line)).trim()).filter((line) => line !== 'BARRIER=1'),
    );
  });
  await until('the socket', () => messages.shift() === 'bound');
  return messages;
}

function managed(environment: Record<string, string | undefined>): {
  manager: ServiceManager;
  trouble: string[];
} {
  const trouble: string[] = [];
  const scope = testScope();
  const manager = serviceManager({
    environment: { PATH, ...environment },
    pid: 42,
    onTrouble: (message) => trouble.push(message),
  });
  scope.defer(() => manager.close());
  return { manager, trouble };
}

describeWith(['systemd-notify'], 'a service manager', () => {
  it.each([
    ['at a path', () => join(tempDir(testScope()), 'notify')],
    ['at an abstract address', () => `@deploy-test-${randomBytes(8).toString('hex')}`],
  ])('%s is told what happens, in order', async (_title, pathOf) => {
    const path = pathOf();
    const messages = await managerAt(testScope(), path);
    const { manager, trouble } = managed({ NOTIFY_SOCKET: path });
    manager.ready('project1: revision 7\nhealthy');
    manager.status('fetching = 10 %');
    manager.reloading();
    manager.ready('again');
    manager.stopping();
    await manager.close();
    expect(messages).toEqual([
      'READY=1\nSTATUS=project1: revision 7 healthy',
      'STATUS=fetching = 10 %',
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/),
      'READY=1\nSTATUS=again',
      'STOPPING=1',
    ]);
    expect(trouble).toEqual([]);
  });

  it('has its watchdog fed from the first ready on', async () => {
    const path = join(tempDir(testScope()), 'notify');
    const messages = await managerAt(testScope(), path);
    const { manager } = managed({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000', WATCHDOG_PID: '42' });
    manager.ready('up');
    await until(
      'the watchdog is fed',
      () => messages.filter((message) => message === 'WATCHDOG=1').length >= 3,
    );
    expect(messages[0]).toBe('READY=1\nSTATUS=up');
    manager.ready('still');
    await manager.close();
  });

  it('is told the newest of many lines only', async () => {
    const path = join(tempDir(testScope()), 'notify');
    const messages = await managerAt(testScope(), path);
    const { manager } = managed({ NOTIFY_SOCKET: path });
    for (let percent = 0; percent <= 100; percent += 1) manager.status(`${percent} %`);
    await manager.close();
    expect(messages).toEqual(['STATUS=100 %']);
  });

  it('that is not there is logged once in a row', async () => {
    const { manager, trouble } = managed({ NOTIFY_SOCKET: '/nonexistent/notify' });
    manager.ready('up');
    manager.status('more');
    await manager.close();
    expect(trouble).toEqual([expect.stringContaining('the service manager cannot be notified: ')]);
  });
});

describe('without systemd', () => {
  it('nothing is sent', async () => {
    const { manager, trouble } = managed({ WATCHDOG_USEC: '100000' });
    manager.ready('up');
    manager.status('x');
    manager.reloading();
    manager.stopping();
    await manager.close();
    expect(trouble).toEqual([]);
  });

  it('its program is missed by name', async () => {
    const { manager, trouble } = managed({ NOTIFY_SOCKET: '/nonexistent', PATH: '/nonexistent' });
    manager.ready('up');
    await manager.close();
    expect(trouble).toEqual([
      'the service manager cannot be notified: there is no systemd-notify (install systemd)',
    ]);
  });
});

describe('the watchdog', () => {
  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' }, undefined],
    [{ WATCHDOG_USEC: '1' }, 1],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: 'soon' }, undefined],
    [{}, undefined],
  ])('%j is fed every %s ms', (environment, ms) => {
    expect(watchdogInterval(environment, 42)).toBe(ms);
  });

  it('is fed by a timer that Node.js can have, or by none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String)), (micros) => {
        const ms = watchdogInterval({ WATCHDOG_USEC: micros }, 42) ?? 1;
        expect(Number.isInteger(ms) && ms >= 1 && ms < 2 ** 31).toBe(true);
      }),
    );
  });
});
