import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { warnOfIdlePorts } from '@deploy-tools/agent/process/supervise/handed-in-sockets.js';
import { parseListenSpec } from '@deploy-tools/agent/process/supervise/listen-spec.js';
import { type Listener, openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';

/** Says which sockets the process takes that it was handed, and where it has each of these ports then. */
const PROGRAM = `
import { handedInSockets } from '@deploy-tools/agent/process/supervise/handed-in-sockets.js';
import { openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
const [pid, fds, ...ports] = process.argv.slice(1);
try {
  const given = handedInSockets({ LISTEN_PID: pid === 'own' ? String(process.pid) : pid, LISTEN_FDS: fds }, process.pid);
  const { sockets, close } = await openListeners(ports.map((port) => ({ host: undefined, port: Number(port) })), given);
  console.log(JSON.stringify({ given, fds: sockets.map(({ fd }) => fd) }));
  await close();
} catch ({ kind, message, hint }) {
  console.log(JSON.stringify({ kind, message, hint }));
}`;

async function handed(fds: readonly number[], ...args: readonly string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, '--', ...args], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit', ...fds],
  });
  const said: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => said.push(text));
  await once(child, 'close');
  return JSON.parse(said.join(''));
}

async function open(...texts: readonly string[]): Promise<readonly Listener[]> {
  const { sockets, close } = await openListeners(texts.map(parseListenSpec));
  testScope().defer(close);
  return sockets;
}

describe('a listening socket that a service manager hands in', () => {
  it('is taken for its port, whatever its address, and is open when the agent has ended', async () => {
    const [one, two] = await open('127.0.0.1:0', '[::1]:0');
    if (one === undefined || two === undefined) throw new Error('no sockets');
    for (const _ of ['once', 'again by the next agent'])
      expect(await handed([one.fd, two.fd], 'own', '2', String(two.port), String(one.port))).toEqual({
        given: [
          { fd: 3, port: one.port },
          { fd: 4, port: two.port },
        ],
        fds: [4, 3],
      });
  });

  it('is taken once, where several are for one port', async () => {
    const [one] = await open('127.0.0.1:0');
    const port = String(one?.port);
    const [two] = await open(`[::1]:${port}`);
    const { fds } = await handed([one?.fd ?? -1, two?.fd ?? -1], 'own', '2', port, port);
    expect(fds).toEqual([3, 4]);
    expect((await handed([one?.fd ?? -1], 'own', '1', port, port)).fds).toEqual([3, 3]); // one that takes both addresses
  });

  it('of another port is left alone, and the port is opened', async () => {
    const [one] = await open('127.0.0.1:0');
    const { fds } = await handed([one?.fd ?? -1], 'own', '1', '0');
    expect(fds).toEqual([expect.any(Number)]);
    expect(fds).not.toEqual([3]);
  });

  it('is for another process where LISTEN_PID says so', async () => {
    const [one] = await open('127.0.0.1:0');
    expect(await handed([one?.fd ?? -1], '1', '1')).toEqual({ given: [], fds: [] });
  });

  it('is refused, with what to do, where it is something else', async () => {
    expect(await handed([openSync('/dev/null', 'r')], 'own', '1')).toEqual({
      kind: 'unsupported',
      message: 'descriptor 3, which LISTEN_FDS names, is no listening TCP socket',
      hint: expect.stringContaining('ListenStream='),
    });
  });

  it('that no -port is for is warned of: nobody would answer there', () => {
    const warned: unknown[] = [];
    const log = { warn: (about: unknown) => void warned.push(about) };
    const handedIn = [8080, 8080, 8081].map((port, index) => ({ fd: 3 + index, port }));
    warnOfIdlePorts(['8080', '8081'], log, handedIn);
    expect(warned).toEqual([{ port: 8080 }]);
    warnOfIdlePorts(['8080', '8080', '8081', '8082'], log, handedIn);
    expect(warned).toHaveLength(1);
  });
});
