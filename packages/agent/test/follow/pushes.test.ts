import { Writable } from 'node:stream';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { RegistryWatch } from '@deploy-tools/agent/follow/registry-watch.js';
import { connect } from '@deploy-tools/shared/client/connect.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { encodeWatchLine, type WatchEvent } from '@deploy-tools/shared/watch-line.js';
import type { ServerChannel } from 'ssh2';
import { describe, expect, it } from 'vitest';
import { until } from '../../../../test/support/until.js';
import { makeKey, temporaryDirectory } from '../../../shared/test/client/ssh-tools.js';
import { reply, startTestServer, type TestServer } from '../../../shared/test/client/test-server.js';

const [H1, H2] = ['1'.repeat(64), '2'.repeat(64)];
const FOREVER_MS = 3_600_000;
/** A command that prints a lot. */
const DOWNLOAD = 'download';
const never = new AbortController().signal;

const config = (hash: string, name = 'project'): WatchEvent => ({
  kind: 'config',
  name,
  revision: 1,
  hash,
  mtime: '2026-01-01T00:00:00.000Z',
});
const heartbeat: WatchEvent = { kind: 'heartbeat', time: '2026-01-01T00:00:00.000Z' };

interface Followed {
  readonly pushes: Pushes;
  readonly watch: RegistryWatch;
  /** What the watch looks at; the project is in it. */
  readonly all: Map<string, Pushes>;
  readonly connection: Connection;
  readonly server: TestServer;
  /** The server's end of each watch. */
  readonly channels: readonly ServerChannel[];
  readonly commands: readonly string[];
  tell(...events: readonly WatchEvent[]): void;
  /** Follows another connection to the same server. */
  again(): Promise<Connection>;
}

/** Pushes that follow a connection to a server that does with a watch as told. */
async function follow(
  serve: ((channel: ServerChannel) => void) | 'refuse' = () => {},
  silenceMs = FOREVER_MS,
): Promise<Followed> {
  const dir = temporaryDirectory();
  const [host, key] = [makeKey(dir, 'host'), makeKey(dir, 'client')];
  const channels: ServerChannel[] = [];
  const commands: string[] = [];
  const onExec = (command: string, channel: ServerChannel) => {
    if (command === DOWNLOAD) {
      reply(channel, 0, 'x'.repeat(300 * 1024));
      return;
    }
    commands.push(command);
    channels.push(channel);
    if (serve !== 'refuse') serve(channel);
  };
  const server = await startTestServer({
    hostKeys: [host],
    clientKeys: [key],
    ...(serve === 'refuse' ? {} : { onExec }),
  });
  const pushes = new Pushes();
  const all = new Map([['project', pushes]]);
  const watch = new RegistryWatch({ pushes: all, silenceMs, log: await createLogger('test', 'silent') });
  const again = async () => {
    const connection = await connect({
      addr: server.addr,
      user: 'deploy-agent',
      identity: { credentials: [await loadKeyFile(key.path)] },
      hostKey: { fingerprint: host.fingerprint },
    });
    watch.follow(connection);
    return connection;
  };
  const connection = await again();
  if (serve !== 'refuse') await until('the watch', () => channels.length > 0);
  const tell = (...events: readonly WatchEvent[]) =>
    void channels.at(-1)?.write(events.map(encodeWatchLine).join(''));
  return { pushes, watch, all, connection, server, channels, commands, tell, again };
}

describe('waiting', () => {
  it('is over when the registry tells of what was not seen yet', async () => {
    const { pushes, tell, commands } = await follow((channel) => channel.write(encodeWatchLine(config(H1))));
    await until('the first line', () => pushes.working);
    expect(commands).toEqual(['watch project']);
    const waiting = pushes.wait(FOREVER_MS, H1, never);
    tell(heartbeat, config(H1), config(H2, 'another'), { kind: 'absent', name: 'project', revision: 2 });
    tell(config(H2));
    expect(await waiting).toBe('announced');
    expect(await pushes.wait(30, H2, never)).toBe('time');
  });

  it('does not begin when it was told before, of something else than what was seen', async () => {
    const { pushes, tell } = await follow();
    tell(config(H1), config(H2));
    await until('the lines', () => pushes.working);
    expect(await pushes.wait(FOREVER_MS, H1, never)).toBe('announced');
  });

  it('is over at its time, and when the agent is to stop', async () => {
    const { pushes } = await follow();
    expect(await pushes.wait(5, undefined, never)).toBe('time');
    const stop = new AbortController();
    const waiting = pushes.wait(FOREVER_MS, undefined, stop.signal);
    stop.abort();
    expect(await waiting).toBe('time');
    expect(await pushes.wait(FOREVER_MS, undefined, stop.signal)).toBe('time');
  });

  it.each([
    ['the connection is lost', ({ server }: Followed) => server.connections[0]?.end()],
    ['the channel is closed', ({ channels }: Followed) => channels[0]?.destroy()],
    ['the registry ends the watch', ({ channels }: Followed) => reply(channels[0] as ServerChannel, 0)],
    ['the registry talks nonsense', ({ channels }: Followed) => channels[0]?.write('nonsense\n')],
    ['a line has no end', ({ channels }: Followed) => channels[0]?.write('x'.repeat(5000))],
  ])('is over when %s', async (_, spoil) => {
    const followed = await follow();
    followed.tell(heartbeat);
    await until('the first line', () => followed.pushes.working);
    const waiting = followed.pushes.wait(FOREVER_MS, undefined, never);
    spoil(followed);
    expect(await waiting).toBe('lost');
    expect(followed.pushes.working).toBe(false);
    expect(await followed.pushes.wait(5, undefined, never)).toBe('time'); // said once
  });

  it('is not over when the connection was closed on purpose', async () => {
    const { pushes, watch, connection, tell } = await follow();
    tell(heartbeat);
    await until('the first line', () => pushes.working);
    watch.follow(undefined);
    connection.close();
    await connection.closed;
    expect(await pushes.wait(30, undefined, never)).toBe('time');
  });
});

describe('several configurations', () => {
  it('are told of over one channel, and over another one when there are more', async () => {
    const { pushes, watch, all, channels, commands, tell } = await follow();
    const other = new Pushes();
    all.set('other one', other);
    const closed = new Promise((resolve) => channels[0]?.resume().once('close', resolve));
    watch.renew();
    await until('the other watch', () => channels.length === 2);
    expect(commands).toEqual(['watch project', 'watch project "other one"']);
    await closed;
    const waiting = [pushes.wait(FOREVER_MS, H1, never), other.wait(FOREVER_MS, H1, never)];
    tell(config(H1), config(H2, 'other one'));
    expect(await waiting[1]).toBe('announced');
    expect(pushes.working).toBe(true);
    tell(config(H2));
    expect(await waiting[0]).toBe('announced');
  });
});

describe('a registry that does not tell', () => {
  it.each([
    ['refuses', 'refuse' as const],
    ['knows no such command', (channel: ServerChannel) => reply(channel, 1, '', 'unknown command\n')],
    ['ends it without a word', (channel: ServerChannel) => reply(channel, 0)],
  ])('and %s is left to polling, on the same connection', async (_, serve) => {
    const { pushes, connection, again } = await follow(serve, 1500);
    expect(await pushes.wait(1800, undefined, never)).toBe('time'); // silence is not looked for
    expect(pushes.working).toBe(false);
    expect(await Promise.race([connection.closed, 'open'])).toBe('open');
    connection.close();
    (await again()).close();
  });
});

describe('silence', () => {
  it('of the registry ends the connection, lines keep it', async () => {
    const { pushes, connection, tell } = await follow(undefined, 2000);
    for (let beats = 0; beats < 12; beats += 1) {
      tell(heartbeat);
      expect(await pushes.wait(200, undefined, never)).toBe('time');
    }
    expect(await pushes.wait(FOREVER_MS, undefined, never)).toBe('lost');
    await connection.closed;
  });

  it('from the beginning does too', async () => {
    const { pushes, connection } = await follow(undefined, 1000);
    expect(await pushes.wait(FOREVER_MS, undefined, never)).toBe('lost');
    await connection.closed;
  });

  it('is none behind a download', async () => {
    const { pushes, connection } = await follow(undefined, 2000);
    for (let parts = 0; parts < 3; parts += 1) {
      await connection.exec(DOWNLOAD, { stdout: nowhere(), stderr: nowhere() });
      expect(await pushes.wait(800, undefined, never)).toBe('time');
    }
    expect(await pushes.wait(FOREVER_MS, undefined, never)).toBe('lost');
  });
});

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

describe('a deployment', () => {
  it('is called off at once by another wish, which ends the wait that follows', async () => {
    const pushes = new Pushes();
    const callOff = pushes.deploying('a');
    pushes.announce('a');
    expect(callOff.signal.aborted).toBe(false);
    pushes.announce('b');
    expect(callOff.signal.reason).toMatchObject({ by: 'b', kind: 'conflict' });
    callOff.close();
    expect(await pushes.wait(1_000_000, undefined, new AbortController().signal)).toBe('announced');
  });

  it('is called off also when the wish came before it began, and not when it is over', () => {
    const pushes = new Pushes();
    pushes.announce('b');
    expect(pushes.deploying('a').signal.aborted).toBe(true);
    const over = pushes.deploying('b');
    over.close();
    pushes.announce('c');
    expect(over.signal.aborted).toBe(false);
  });

  it('is called off by somebody who says so, while it goes on', () => {
    const pushes = new Pushes();
    expect(pushes.cancel('ops')).toBe(false);
    const callOff = pushes.deploying('a');
    expect(pushes.cancel('ops')).toBe(true);
    expect(callOff.signal.reason).toMatchObject({ kind: 'conflict', message: 'cancelled by ops' });
    callOff.close();
    expect([pushes.cancel('ops'), pushes.deploying('a').signal.aborted]).toEqual([false, false]);
  });
});
