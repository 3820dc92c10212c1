import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { outboundOf } from '@deploy-tools/registry/ssh/floor/ssh2-inside.js';
import { TransportGuard } from '@deploy-tools/registry/ssh/floor/transport-guard.js';
import { generateHostKey } from '@deploy-tools/registry/ssh/host-key.js';
import ssh2, { type ServerChannel } from 'ssh2';
import { expect, it, onTestFinished } from 'vitest';
import {
  channelData,
  type HostileClient,
  hostileClient,
  MESSAGE,
  message,
  uint32,
} from '../../../../../test/attacks/hostile-client.mjs';
import { testScope } from '../../../../../test/support/scope.js';
import { makeSshKey } from '../../../../../test/support/ssh-key.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

interface Guarded {
  readonly client: HostileClient;
  readonly guard: TransportGuard;
  readonly channels: ServerChannel[];
  /** Resolves with the first rule that was broken. */
  readonly violation: Promise<string>;
}

/** An authenticated client of a server with a guard, on real sockets. */
async function guarded(keyExchangeMs = 60_000): Promise<Guarded> {
  const scope = testScope();
  let guard: TransportGuard | undefined;
  let served: Socket | undefined;
  let violate: (reason: string) => void = () => {};
  const violation = new Promise<string>((resolve) => {
    violate = resolve;
  });
  const channels: ServerChannel[] = [];
  const ssh = new ssh2.Server({ hostKeys: [generateHostKey()] }, (client) => {
    if (served === undefined) throw new Error('no socket');
    guard = new TransportGuard({
      client,
      socket: served,
      outbound: outboundOf(client, served),
      maxMessagesBefore: 100,
      signatureAlgorithms: ['ssh-ed25519'],
      keyExchangeMs,
      takeTurn: (work) => setImmediate(work),
      onViolation: violate,
    });
    guard.start();
    client.on('error', () => {}).on('authentication', (context) => context.accept());
    client.on('session', (accept) => accept().on('exec', (take) => channels.push(take())));
  });
  const listener = createServer((socket) => {
    served = socket;
    ssh.injectSocket(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const key = await makeSshKey(tempDir(scope), 'key');
  const client = await hostileClient({ host: '127.0.0.1', port, keyPath: key.path });
  onTestFinished(() => {
    client.destroy();
    served?.destroy();
    listener.close();
  });
  if (guard === undefined) throw new Error('no connection');
  return { client, guard, channels, violation };
}

it('ends a key exchange that the client begins and does not go on with', async () => {
  const { client, violation } = await guarded(10);
  client.socket.pause();
  client.protocol.rekey();
  expect(await violation).toBe('a key exchange did not end in time');
});

it('lets a key exchange be that ends', async () => {
  const { client, guard, channels } = await guarded();
  const number = await client.open('exec', 'x');
  const exchanged = once(client.client, 'handshake');
  client.protocol.rekey();
  await exchanged;
  client.send(channelData(number ?? 0, Buffer.from('after')));
  await client.until('CHANNEL_SUCCESS');
  const [chunk] = (await once(channels[0] as ServerChannel, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('after');
  expect(guard.unread).toBe(0);
});

it('counts bytes that are not read', async () => {
  const { client, guard, channels } = await guarded();
  const number = (await client.open('exec', 'x')) ?? 0;
  client.send(channelData(number, Buffer.alloc(1000)));
  client.send(channelData(number, Buffer.alloc(500)));
  client.send(message(MESSAGE.GLOBAL_REQUEST, uint32(0), Buffer.from([1])));
  await client.until('REQUEST_FAILURE');
  expect(guard.unread).toBe(1500);
  channels[0]?.resume();
});

it.each<[string, (number: number) => Buffer[], string]>([
  [
    'data after the end',
    (number) => [message(96, uint32(number)), channelData(number, Buffer.from('x'))],
    'data after the end of a channel',
  ],
  [
    'a window that no number holds',
    (number) => [message(93, uint32(number), uint32(2 ** 32 - 1)), message(93, uint32(number), uint32(1))],
    'a window of more than 2^32 - 1 bytes',
  ],
  [
    'a request without its end',
    (number) => [message(98, uint32(number), uint32(100))],
    'malformed CHANNEL_REQUEST',
  ],
  ['half an opening', () => [message(90, uint32(3))], 'malformed CHANNEL_OPEN'],
  ['half a global request', () => [message(80, uint32(9))], 'malformed GLOBAL_REQUEST'],
])('%s ends the connection', async (_what, messages, reason) => {
  const { client, violation } = await guarded();
  const number = (await client.open('exec', 'x')) ?? 0;
  for (const payload of messages(number)) client.send(payload);
  expect(await violation).toBe(reason);
});

it('messages for channels that are not there, and of no known type, do nothing', async () => {
  const { client } = await guarded();
  for (const type of [93, 94, 96, 97, 98])
    client.send(message(type, uint32(77), uint32(1), Buffer.from('x ')));
  for (const type of [0, 5, 50, 61, 91, 92, 95, 99, 100, 192, 255])
    client.send(message(type, Buffer.alloc(40)));
  client.send(message(MESSAGE.GLOBAL_REQUEST, uint32(0), Buffer.from([1])));
  expect(await client.until('REQUEST_FAILURE')).toBe(true);
});
