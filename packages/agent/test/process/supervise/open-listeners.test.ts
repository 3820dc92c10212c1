import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { parseListenSpec } from '@deploy-tools/agent/process/supervise/listen-spec.js';
import { type Listeners, openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
import { describe, expect, it } from 'vitest';
import { describeWithPython, PYTHON } from '../../../../../test/support/requires.js';
import { run } from '../../../../../test/support/run.js';
import { testScope } from '../../../../../test/support/scope.js';

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

async function open(...texts: readonly string[]): Promise<Listeners> {
  const scope = testScope();
  const opened = await openListeners(texts.map(parseListenSpec));
  scope.defer(() => opened.close());
  return opened;
}

async function connected(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host });
  await once(socket, 'connect');
  return socket;
}

function flagsOf(fd: number): number {
  return Number.parseInt(
    /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '',
    8,
  );
}

/** Connections that nobody has accepted yet, as ss tells them. */
function waiting(port: number): number {
  const lines = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = lines.find(([, local, , state]) => local?.endsWith(`:${hex}`) && state === '0A');
  return Number.parseInt(line?.[4]?.split(':')[1] ?? '', 16);
}

describe('open sockets', () => {
  it('take connections, of which this process accepts none, however long they wait', async () => {
    const { sockets } = await open('127.0.0.1:0');
    const port = sockets[0]?.port ?? 0;
    const clients = await Promise.all(Array.from({ length: 50 }, () => connected(port)));
    await run('sleep', ['0.3']); // turns of this process's loop
    expect(waiting(port)).toBe(50);
    const counter = `let n = 0; require('net').createServer((s) => { s.end('hi'); if (++n === 50) process.exit(); }).listen({ fd: 3 })`;
    const child = spawn(process.execPath, ['-e', counter], {
      stdio: ['ignore', 'inherit', 'inherit', sockets[0]?.fd],
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
    for (const client of clients) client.destroy();
  });

  it('are as many as were asked for, on every kind of address', async () => {
    const { sockets } = await open('0', '127.0.0.1:0', '[::1]:0', 'localhost:0');
    expect(new Set(sockets.map(({ fd }) => fd)).size).toBe(4);
    for (const { spec, port } of sockets) {
      expect(port).toBeGreaterThan(0);
      (await connected(port, spec.host)).destroy();
    }
    expect(sockets.map(({ spec }) => spec.host)).toEqual([undefined, '127.0.0.1', '::1', 'localhost']);
    (await connected(sockets[0]?.port ?? 0, '::1')).destroy();
  });

  it('block, and are not inherited by chance', async () => {
    const { sockets } = await open('127.0.0.1:0', '127.0.0.1:0');
    for (const { fd } of sockets) {
      expect(flagsOf(fd) & O_NONBLOCK).toBe(0);
      expect(flagsOf(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
    }
  });

  it('are closed on request, twice too, and can be opened again at once', async () => {
    const first = await open('127.0.0.1:0');
    const port = first.sockets[0]?.port ?? 0;
    await first.close();
    await first.close();
    await expect(connected(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const again = await open(`127.0.0.1:${port}`);
    (await connected(again.sockets[0]?.port ?? 0)).destroy();
  });

  it('do not keep the process alive', async () => {
    const code = `import { openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
      await openListeners([{ host: '127.0.0.1', port: 0 }]);`;
    const ended = await run(process.execPath, ['--input-type=module', '-e', code], {
      cwd: import.meta.dirname,
    });
    expect(ended).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('are none when none were asked for', async () => {
    expect((await open()).sockets).toEqual([]);
  });
});

describe('a port that cannot be had', () => {
  it('because another listens there; none of the others stays open', async () => {
    const other = createServer();
    testScope().defer(() => new Promise((resolve) => other.close(() => resolve())));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const free = (await open('127.0.0.1:0')).sockets[0]?.port ?? 0;
    await expect(open('127.0.0.1:0', `127.0.0.1:${port}`)).rejects.toMatchObject({
      kind: 'in-use',
      message: `cannot listen on port 127.0.0.1:${port}: another program listens there`,
    });
    await expect(open(`127.0.0.1:${free}`)).rejects.toMatchObject({ kind: 'in-use' });
  });

  it('because the address is not of this host, or there is no such host', async () => {
    await expect(open('192.0.2.1:0')).rejects.toMatchObject({
      kind: 'invalid',
      message: 'cannot listen on port 192.0.2.1:0: this host has no such address',
    });
    await expect(open('host.invalid:80')).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describeWithPython('socket', 'python3', 'a program that simply calls accept', () => {
  it('waits for a connection, and does not fail because there is none', async () => {
    const { sockets } = await open('127.0.0.1:0');
    const code = `import socket; s = socket.socket(fileno=3); print('up'); c, _ = s.accept(); c.sendall(b'hello')`;
    const child = spawn(PYTHON, ['-u', '-c', code], { stdio: ['ignore', 'pipe', 'inherit', sockets[0]?.fd] });
    testScope().defer(() => void child.kill('SIGKILL'));
    await once(child.stdout ?? process.stdin, 'data');
    const [hello] = await once(await connected(sockets[0]?.port ?? 0), 'data');
    expect(String(hello)).toBe('hello');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
