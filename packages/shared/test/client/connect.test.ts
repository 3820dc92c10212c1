import { writeFileSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { connect } from '@deploy-tools/shared/client/connect.js';
import { loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readAll } from '../../../../test/support/read-all.js';
import { type KeyFile, makeKey, temporaryDirectory } from './ssh-tools.js';
import { reply, startTestServer, type TestServerOptions } from './test-server.js';

async function setUp(options: Partial<TestServerOptions> = {}) {
  const dir = temporaryDirectory();
  const host = makeKey(dir, 'host');
  const client = makeKey(dir, 'client');
  const server = await startTestServer({ hostKeys: [host], clientKeys: [client], ...options });
  const identity = { credentials: [await loadKeyFile(client.path)] };
  const base = { addr: server.addr, user: 'ops', identity, hostKey: { fingerprint: host.fingerprint } };
  return { dir, host, client, server, base };
}

async function opened(options: Parameters<typeof connect>[0]) {
  const connection = await connect(options);
  onTestFinished(() => connection.close());
  return connection;
}

function knownHostsFile(dir: string, ...lines: string[]): { knownHosts: string } {
  const path = join(dir, 'known_hosts');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return { knownHosts: path };
}

const keyOf = (key: KeyFile) => key.publicLine.split(' ').slice(0, 2).join(' ');

describe('a connection', () => {
  test('runs a command and gives both outputs and the status', async () => {
    const { base, server, host } = await setUp({
      onExec: (command, channel) => reply(channel, 3, `out ${command}`, 'err'),
    });
    const connection = await opened(base);
    expect(await connection.capture('showconf -name x', 1000)).toEqual({
      status: 3,
      stdout: 'out showconf -name x',
      stderr: 'err',
    });
    expect(server.users).toEqual(['ops']);
    expect(connection.hostFingerprint).toBe(host.fingerprint);
    expect(connection.serverIdent).toBe('SSH-2.0-test-server');
  });

  test('keeps order and loses nothing in a long output', async () => {
    const line = `${'x'.repeat(1023)}\n`;
    const { base } = await setUp({ onExec: (_command, channel) => reply(channel, 0, line.repeat(5000)) });
    const connection = await opened(base);
    const { stdout } = await connection.capture('many', 10_000_000);
    expect(stdout).toHaveLength(5000 * 1024);
  });

  test('gives standard input to the command', async () => {
    const { base } = await setUp({
      onExec: (_command, channel) => {
        let text = '';
        channel.on('data', (chunk: Buffer) => {
          text += chunk;
        });
        channel.on('end', () => reply(channel, 0, text.toUpperCase()));
      },
    });
    const connection = await opened(base);
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const running = connection.exec('report', { stdin, stdout, stderr });
    stdin.end('hello');
    expect(await running).toBe(0);
    expect(readAll(stdout)).toBe('HELLO');
  });

  test('ends with its status, although nobody reads its standard error any more', async () => {
    const { base } = await setUp({
      onExec: (_command, channel) => reply(channel, 3, 'out', 'e'.repeat(1_000_000)),
    });
    const connection = await opened(base);
    const stdout = new PassThrough();
    const stderr = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    expect(await connection.exec('fsck', { stdout, stderr })).toBe(3);
    expect(readAll(stdout)).toBe('out');
  });

  test('refuses to keep more than the bound', async () => {
    const { base } = await setUp({ onExec: (_c, channel) => reply(channel, 0, 'y'.repeat(5000)) });
    const connection = await opened(base);
    await expect(connection.capture('many', 100)).rejects.toMatchObject({ kind: 'too-large' });
  });

  test('says that exec is refused', async () => {
    const { base } = await setUp();
    const connection = await opened(base);
    await expect(connection.capture('watch a', 100)).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('refuses to run "watch"'),
    });
    await expect(connection.openSubsystem('sftp')).rejects.toMatchObject({ kind: 'unsupported' });
  });

  test('that is lost rejects what is pending and what comes after, and says so', async () => {
    const { base, server } = await setUp({ onExec: () => server.connections[0]?.end() });
    const connection = await opened(base);
    await expect(connection.capture('watch a', 100)).rejects.toMatchObject({ kind: 'connect' });
    expect(await connection.closed).toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(/was lost/),
    });
    await expect(connection.capture('components', 100)).rejects.toMatchObject({ kind: 'connect' });
    await expect(connection.openSubsystem('sftp')).rejects.toMatchObject({ kind: 'connect' });
  });

  test('that we close rejects what is pending and is no loss', async () => {
    const { base } = await setUp({ onExec: () => connection.close() });
    const connection = await opened(base);
    await expect(connection.capture('watch a', 100)).rejects.toMatchObject({
      message: expect.stringMatching(/is closed/),
    });
    expect(await connection.closed).toBeUndefined();
  });

  test('whose peer goes silent is given up after the keepalive count', async () => {
    const { base, server } = await setUp();
    const relay = await startRelay(server.port);
    const connection = await opened({
      ...base,
      addr: `127.0.0.1:${relay.port}`,
      keepalive: { intervalMs: 50, count: 2 },
    });
    relay.stall();
    expect(await connection.closed).toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(/Keepalive timeout/),
    });
  });

  test('can be opened over IPv6', async () => {
    const { base } = await setUp({ host: '::1', onExec: (_command, channel) => reply(channel, 0, 'six') });
    const connection = await opened(base);
    expect(connection.peer).toMatch(/^\[::1\]:\d+$/);
    expect((await connection.capture('help', 100)).stdout).toBe('six');
  });
});

describe('the host key', () => {
  test('with another fingerprint is refused and shown', async () => {
    const { base, client, host, server } = await setUp();
    await expect(connect({ ...base, hostKey: { fingerprint: client.fingerprint } })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining(host.fingerprint),
    });
    expect(server.users).toEqual([]);
  });

  test('is found in known_hosts under [host]:port', async () => {
    const { base, dir, host, server } = await setUp();
    const hostKey = knownHostsFile(dir, `[127.0.0.1]:${server.port} ${keyOf(host)} comment`);
    await opened({ ...base, hostKey });
  });

  test.each(['256', '384', '521'])('may be of the curve P-%s, pinned or in known_hosts', async (bits) => {
    const dir = temporaryDirectory();
    const key = makeKey(dir, 'ecdsa', '-t', 'ecdsa', '-b', bits);
    const { base, server } = await setUp({ hostKeys: [key] });
    const known = knownHostsFile(dir, `[127.0.0.1]:${server.port} ${keyOf(key)}`);
    for (const hostKey of [{ fingerprint: key.fingerprint }, known]) {
      expect((await opened({ ...base, hostKey })).hostFingerprint).toBe(key.fingerprint);
    }
  });

  test('of the type that is known is asked for first', async () => {
    const dir = temporaryDirectory();
    const ecdsa = ['256', '384', '521'].map((bits) => makeKey(dir, bits, '-t', 'ecdsa', '-b', bits));
    const [ed25519, rsa] = [makeKey(dir, 'a'), makeKey(dir, 'c', '-t', 'rsa', '-b', '2048')];
    const { base, server } = await setUp({ hostKeys: [ed25519, ...ecdsa, rsa] });
    for (const key of [...ecdsa, rsa, ed25519]) {
      const hostKey = knownHostsFile(dir, `[127.0.0.1]:${server.port} ${keyOf(key)}`);
      expect((await opened({ ...base, hostKey })).hostFingerprint).toBe(key.fingerprint);
    }
  });

  test.each([
    ['unknown', () => [], /is not known: ssh-ed25519 SHA256:/],
    [
      'changed',
      (port: number, other: KeyFile) => [`[127.0.0.1]:${port} ${keyOf(other)}`],
      /is not the one in/,
    ],
    ['revoked', (_port: number, _o: KeyFile, host: KeyFile) => [`@revoked * ${keyOf(host)}`], /is revoked/],
  ])('that is %s in known_hosts is refused', async (_name, lines, message) => {
    const { base, dir, host, client, server } = await setUp();
    const hostKey = knownHostsFile(dir, ...lines(server.port, client, host));
    await expect(connect({ ...base, hostKey })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(message),
    });
  });

  test('is unknown when there is no known_hosts file', async () => {
    const { base, dir } = await setUp();
    await expect(connect({ ...base, hostKey: { knownHosts: join(dir, 'nothing') } })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/is not known/),
    });
  });
});

describe('a connection that cannot be made', () => {
  test('because it is lost before a key was refused says nothing of the key', async () => {
    const { base } = await setUp({ hangsUp: true });
    await expect(connect(base)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(/was lost before a key was accepted or refused/),
    });
  });

  test('because no key is accepted names the keys tried', async () => {
    const { base, dir } = await setUp();
    const [one, two] = [makeKey(dir, 'one'), makeKey(dir, 'two')];
    const identity = { credentials: [await loadKeyFile(one.path), await loadKeyFile(two.path)] };
    const error = await connect({ ...base, identity }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ kind: 'auth', message: expect.stringMatching(/does not accept user ops/) });
    expect(String(error)).toContain(one.fingerprint);
    expect(String(error)).toContain(two.fingerprint);
  });

  test('because nothing listens says refused', async () => {
    const { base, server } = await setUp();
    await server.close();
    await expect(connect(base)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(/connection refused/),
    });
  });

  test('because the name does not exist says so', async () => {
    const { base } = await setUp();
    await expect(connect({ ...base, addr: 'no-such-host.invalid:22' })).rejects.toMatchObject({
      kind: 'connect',
    });
  });

  test('because the peer stays silent ends after the timeout', async () => {
    const { base } = await setUp();
    const addr = await listen(() => undefined);
    await expect(connect({ ...base, addr, timeoutMs: 100 })).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(/no answer in 100ms/),
    });
  });

  test.each([
    ['speaks something else', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['hangs up', ''],
  ])('because the peer %s says so', async (_name, greeting) => {
    const { base } = await setUp();
    const addr = await listen((socket) => socket.end(greeting));
    await expect(connect({ ...base, addr })).rejects.toMatchObject({ kind: 'connect' });
  });

  test('because it was cancelled says so', async () => {
    const { base } = await setUp();
    const addr = await listen(() => controller.abort());
    const controller = new AbortController();
    await expect(connect({ ...base, addr, signal: controller.signal })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    await expect(connect({ ...base, signal: AbortSignal.abort() })).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });
});

/** @returns the address of a TCP server that treats connections in its own way. */
async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined); // the client may vanish at any point
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A relay that can stop passing bytes on without closing anything. */
async function startRelay(target: number): Promise<{ port: number; stall: () => void }> {
  const sockets: Socket[] = [];
  const addr = await listen((near) => {
    const far = createConnection(target, '127.0.0.1');
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
    sockets.push(near, far);
    onTestFinished(() => {
      far.destroy();
    });
  });
  const stall = () => {
    for (const socket of sockets) socket.unpipe();
  };
  return { port: Number(addr.split(':')[1]), stall };
}
