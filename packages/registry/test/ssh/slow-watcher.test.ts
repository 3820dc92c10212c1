import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { Activity } from '@deploy-tools/registry/ssh/activity.js';
import { agentExec } from '@deploy-tools/registry/ssh/agent-exec.js';
import { outboundOf } from '@deploy-tools/registry/ssh/floor/ssh2-inside.js';
import { generateHostKey } from '@deploy-tools/registry/ssh/host-key.js';
import { decodeWatchLine } from '@deploy-tools/shared/watch-line.js';
import ssh2 from 'ssh2';
import { expect, onTestFinished, test } from 'vitest';
import { openRegistry, SPEAKER, type TestRegistry } from '../support/open-registry.js';

const REVISIONS = 150_000;

interface Watcher {
  /** The registry's end. */
  readonly served: Socket;
  readonly socket: Socket;
  readonly channel: ssh2.ClientChannel;
  readonly activity: Activity;
}

/** An agent that watches `p` over a real connection. */
async function startWatcher(registry: TestRegistry): Promise<Watcher> {
  const activity = new Activity();
  let served: Socket | undefined;
  const ssh = new ssh2.Server({ hostKeys: [generateHostKey()] }, (connection) => {
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => context.accept());
    connection.on('session', (accept) => {
      accept().on('exec', (take, _refuse, { command }) => {
        if (served === undefined) return;
        const context = {
          activity,
          log: registry.log,
          outbound: outboundOf(connection, served),
          speaker: SPEAKER,
        };
        const services = { watches: registry.watches, reports: registry };
        void agentExec(services, context, command)?.(take());
      });
    });
  });
  const listener = createServer({ noDelay: true }, (socket) => {
    served = socket;
    ssh.injectSocket(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket = connect({ host: '127.0.0.1', port });
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  client.connect({ sock: socket, username: 'x' });
  await once(client, 'ready');
  const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) => {
    client.exec('watch p', (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
  });
  onTestFinished(() => {
    socket.destroy();
    listener.close();
  });
  if (served === undefined) throw new Error('nobody connected');
  return { served, socket, channel, activity };
}

/** Publishes revisions 1 to the last; between them, others have their turn. @returns the most that lay in the socket. */
async function publishAll(registry: TestRegistry, served: Socket): Promise<number> {
  let most = 0;
  for (let revision = 1; revision <= REVISIONS; revision += 1) {
    registry.events.publish({
      name: 'p',
      revision,
      hash: 'a'.repeat(64),
      mtime: registry.clock().toISOString(),
      author: { fingerprint: 'x', comment: 'x', user: 'x', address: 'x' },
      command: 'x',
    });
    if (revision % 10 === 0) await setImmediate();
    most = Math.max(most, served.writableLength);
  }
  return most;
}

test.each([
  ['its socket', ({ socket }: Watcher) => socket],
  ['its channel', ({ channel }: Watcher) => channel],
])('who does not read from %s gets the newest later; little is kept meanwhile', async (_, stoppable) => {
  const registry = await openRegistry();
  const watcher = await startWatcher(registry);
  const { channel } = watcher;
  const revisions: number[] = [];
  let rest = '';
  channel.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = decodeWatchLine(line);
      if (event?.kind !== 'heartbeat' && event !== undefined) revisions.push(event.revision);
    }
  });
  await once(channel, 'data');
  stoppable(watcher).pause();
  const most = await publishAll(registry, watcher.served);
  expect(most).toBeLessThan(80 * 1024);
  stoppable(watcher).resume();
  while (revisions.at(-1) !== REVISIONS) await once(channel, 'data');
  expect(revisions.length).toBeLessThan(REVISIONS / 2);
  expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
});

test('a client that does not read does not delay the end of the watch', async () => {
  const registry = await openRegistry();
  const watcher = await startWatcher(registry);
  await once(watcher.channel, 'data');
  watcher.socket.pause();
  await publishAll(registry, watcher.served);
  expect(watcher.activity.running).toBe(1);
  expect(watcher.activity.stop()).toBe(true);
  await watcher.activity.idle();
});
