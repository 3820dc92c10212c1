import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connectToProgram } from '@deploy-tools/agent/process/health/open-check.js';
import { parseHttpCheck, parseTcpCheck } from '@deploy-tools/agent/process/health/parse-checks.js';
import { runCheck } from '@deploy-tools/agent/process/health/run-check.js';
import { serverInode } from '@deploy-tools/agent/process/health/server-end.js';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../../../test/support/http-load.js';
import { testScope } from '../../../../../test/support/scope.js';
import { serverLaunch, supervised } from '../supervise/supervised.js';

const NEVER = new AbortController().signal;
const ASKED = 20;

/** An old program whose answers are good and a new one whose answers are not, both at one socket. */
async function both(address: string) {
  const site = await supervised(testScope(), {}, [`${address}:0`]);
  const old = await site.supervisor.switchTo(serverLaunch('old'), async () => {}, NEVER);
  await site.line('serving', 1);
  let ask = async (_pid: number): Promise<void> => {};
  const switched = (): Promise<unknown> =>
    site.supervisor.switchTo(
      serverLaunch('new', { STATUS: '500' }),
      async ({ pid }) => {
        await site.line('serving', 2);
        await ask(pid);
      },
      NEVER,
    );
  return {
    port: site.port,
    oldPid: old.program.pid,
    /** Asks while both run. */
    whileBoth: async (act: (newPid: number) => Promise<void>) => {
      ask = act;
      await switched();
    },
  };
}

describe('a check of a port that two programs share', () => {
  it.each(['127.0.0.1', '[::1]', '0.0.0.0'])(
    'at %s is answered by the one that it is about',
    async (address) => {
      const { port, oldPid, whileBoth } = await both(address);
      const host = address.startsWith('[') ? address : '127.0.0.1';
      await whileBoth(async (newPid) => {
        for (const [pid, status] of [
          [newPid, 'critical'],
          [oldPid, 'passing'],
        ] as const) {
          const program = { ports: [port], pid: () => pid };
          const context = { timeoutMs: 60_000, environment: {}, program };
          for (let time = 0; time < ASKED; time += 1)
            expect(await runCheck(parseHttpCheck(`http://${host}:${port}/`), context, NEVER)).toMatchObject({
              status,
            });
        }
      });
    },
  );

  it('waits for the one that it is about to accept, and is critical when that does not', async () => {
    const { port, whileBoth } = await both('127.0.0.1');
    await whileBoth(async () => {
      const other = spawn('sleep', ['1000']);
      testScope().defer(() => void other.kill('SIGKILL'));
      const program = { ports: [port], pid: () => other.pid };
      const context = { timeoutMs: 100, environment: {}, program };
      expect(await runCheck(parseTcpCheck(`127.0.0.1:${port}`), context, NEVER)).toMatchObject({
        status: 'critical',
        answer: 'no answer within 100ms',
      });
      const gone = { ...context, timeoutMs: 60_000, program: { ...program, pid: () => undefined } };
      expect(await runCheck(parseTcpCheck(`127.0.0.1:${port}`), gone, NEVER)).toMatchObject({
        status: 'critical',
        answer: 'the program does not run',
      });
    });
  });
});

it.each([
  ['a process of its session', `"$0" "$1" & wait`],
  ['what that has started in a session of its own', `setsid -w "$0" "$1" & wait`],
])('a program is %s too', async (_, script) => {
  const site = await supervised(testScope());
  const { command, environment } = serverLaunch('v1', { CONVENTION: 'starter' });
  const launch = { command: ['/bin/sh', '-c', script, ...command] as const, cwd: '/', environment };
  const { program } = await site.supervisor.switchTo(
    launch,
    async () => void (await site.line('serving')),
    NEVER,
  );
  const context = {
    timeoutMs: 60_000,
    environment: {},
    program: { ports: [site.port], pid: () => program.pid },
  };
  const answer = await runCheck(parseHttpCheck(`http://127.0.0.1:${site.port}/`), context, NEVER);
  expect(answer).toMatchObject({ status: 'passing' });
  const server = /^v1 (\d+)/.exec(await ask(site.port))?.[1];
  expect(server).not.toBe(String(program.pid));
  process.kill(Number(server), 'SIGKILL'); // in a session of its own nobody else would
});

it('the end of a connection that nobody has accepted is known, and that of another host is not', async () => {
  const server = createServer();
  testScope().defer(() => new Promise((resolve) => server.close(() => resolve())));
  server.listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const program = { ports: [port], pid: () => process.pid };
  const socket = await connectToProgram({ host: '127.0.0.1', port }, program, NEVER);
  expect(await serverInode(socket)).toBeGreaterThan(0);
  const elsewhere = { localAddress: '192.0.2.1', localPort: 1, remoteAddress: '192.0.2.2', remotePort: port };
  expect(await serverInode(elsewhere as unknown as typeof socket)).toBeUndefined();
  socket.destroy();
});
