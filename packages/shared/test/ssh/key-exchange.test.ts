import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { enablePostQuantumKex, POST_QUANTUM_KEX } from '@deploy-tools/shared/ssh/key-exchange.js';
import ssh2, { type ClientChannel, type Connection, type KexAlgorithm, type ServerChannel } from 'ssh2';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { sshKeyPair } from '../../../../test/support/ssh-key-pair.js';

const ALGORITHMS = { kex: [POST_QUANTUM_KEX as KexAlgorithm] };

beforeAll(() => enablePostQuantumKex());

interface Server {
  readonly port: number;
  readonly connections: Connection[];
  readonly errors: Error[];
}

/** A server that offers nothing else, and gives back what it gets. */
async function echoServer(): Promise<Server> {
  const { private: key } = sshKeyPair();
  const [connections, errors]: [Connection[], Error[]] = [[], []];
  const server = new ssh2.Server({ hostKeys: [key], algorithms: ALGORITHMS }, (connection) => {
    connections.push(connection);
    connection.on('error', (error: Error) => errors.push(error));
    connection.on('authentication', (context) => context.accept());
    connection.on('session', (accept) => accept().on('exec', (take) => echo(take())));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const connection of connections) connection.end();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections, errors };
}

function echo(channel: ServerChannel): void {
  channel.pipe(channel);
}

it('carries data through exchanges of keys by either side', async () => {
  const { port, connections } = await echoServer();
  const client = new ssh2.Client();
  const names: string[] = [];
  client.on('handshake', ({ kex }) => names.push(kex));
  client.connect({ host: '127.0.0.1', port, username: 'x', algorithms: ALGORITHMS });
  await once(client, 'ready');
  onTestFinished(() => void client.end());
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec('echo', (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
  });
  for (let round = 0; round < 10; round += 1) {
    const exchanged = once(client, 'handshake');
    if (round % 2 === 0) connections[0]?.rekey();
    else (client as unknown as { _protocol: { rekey(): void } })._protocol.rekey();
    await exchanged;
    channel.write(`round ${round}`);
    const [answer] = (await once(channel, 'data')) as [Buffer];
    expect(answer.toString()).toBe(`round ${round}`);
  }
  expect(names).toEqual(Array(11).fill(POST_QUANTUM_KEX));
});

it('a client without it is told that nothing fits', async () => {
  const { port } = await echoServer();
  const client = new ssh2.Client();
  client.connect({ host: '127.0.0.1', port, username: 'x', algorithms: { kex: ['curve25519-sha256'] } });
  const [error] = (await once(client, 'error')) as [Error];
  expect(error.message).toContain('no matching key exchange');
});

it.each([0, 31, 32, 1184, 1215, 1217])('a public key of %d bytes ends the exchange', async (length) => {
  const { port, errors } = await echoServer();
  const socket = connect(port, '127.0.0.1');
  const client = new ssh2.Client();
  client.on('error', () => {});
  const inside = client as unknown as { _protocol: { _kex: { getPublicKey(): Buffer; start(): void } } };
  client.connect({ sock: socket, username: 'x', algorithms: ALGORITHMS });
  Object.defineProperty(inside._protocol, '_kex', {
    set(kex: { getPublicKey(): Buffer }) {
      kex.getPublicKey = () => Buffer.alloc(length, 1);
      Object.defineProperty(inside._protocol, '_kex', { value: kex, writable: true });
    },
    get: () => undefined,
    configurable: true,
  });
  await once(socket, 'close');
  expect(errors.map(({ message }) => message).join()).toMatch(/DH secret|wrong length/);
});
