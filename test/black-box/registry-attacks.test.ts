import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  blindKeyExchange,
  channelData,
  channelRequest,
  type HostileClient,
  hostileClient,
  MESSAGE,
  message,
  openSession,
  string,
  uint32,
} from '../attacks/hostile-client.mjs';
import { residentMemory } from '../support/process-memory.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { startWorld, type World } from '../support/world.js';

const MIB = 1024 * 1024;
/** What a registry with nothing to do has, and as much again. */
const MEMORY = 300 * MIB;
const WANT_REPLY = Buffer.from([1]);
/** One of each kind that ssh2 has a decipher for; two of them are native. */
const CIPHERS = ['chacha20-poly1305@openssh.com', 'aes128-gcm@openssh.com', 'aes128-ctr'];

/** The registry's greeting and its offer are shorter, and with its answer to a key exchange it is more. */
const LONGEST_GREETING = 1500;

let world: World;
beforeAll(async () => {
  world = await startWorld(fileScope());
});

async function stranger(scope: Scope, cipher?: string): Promise<HostileClient> {
  const { host, port } = world.registry;
  const client = await hostileClient({ host, port, ...(cipher && { cipher }) });
  scope.defer(() => client.destroy());
  return client;
}

async function agent(scope: Scope, cipher?: string): Promise<HostileClient> {
  const { host, port, site } = world.registry;
  const client = await hostileClient({
    host,
    port,
    user: 'deploy-agent',
    keyPath: site.agent.path,
    ...(cipher && { cipher }),
  });
  scope.defer(() => client.destroy());
  return client;
}

async function channel(client: HostileClient, request: string, value: string): Promise<number> {
  const number = await client.open(request, value);
  if (number === undefined) throw new Error('no channel');
  await client.until('CHANNEL_SUCCESS');
  return number;
}

/** An operator's command still works, and the registry is small. */
async function expectServing(): Promise<void> {
  const answer = await world.operator.exec('components');
  expect(answer.status, answer.stderr).toBe(0);
  expect(residentMemory(world.registry.pid)).toBeLessThan(MEMORY);
}

async function expectEnded(client: HostileClient, reason: string): Promise<void> {
  await client.closed;
  const line = await world.registry.log.line('connection ended: the client broke a rule of SSH');
  expect(world.registry.log.lines.map((entry) => entry.reason)).toContain(reason);
  expect(line.level).toBe(40);
}

describe('a stranger', () => {
  it('who asks for anything of the connection is sent away before it is parsed', async () => {
    const client = await stranger(testScope());
    // What an expression of ssh2 takes 0.3 s for.
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'a: b\n'.repeat(6000)}`;
    for (let sent = 0; sent < 60; sent += 1) {
      const request = message(
        MESSAGE.GLOBAL_REQUEST,
        string('hostkeys-00@openssh.com'),
        WANT_REPLY,
        string(key),
      );
      if (!(await client.sendSlowly(request))) break;
    }
    await expectEnded(client, 'message 80 does not belong before authentication');
    await expectServing();
  });

  it.each(CIPHERS)('who sends half a message and more behind it ends alone, with %s', async (cipher) => {
    const client = await stranger(testScope(), cipher);
    client.sendTogether(message(5, uint32(100)), ...Array(20).fill(message(MESSAGE.IGNORE, string('x'))));
    await client.closed;
    await expectServing();
  });

  it('who leaves and comes back by the same port disturbs nobody', async () => {
    const { host, port } = world.registry;
    let rounds = 0;
    for (let tries = 0; rounds < 20 && tries < 1000; tries += 1) {
      const first = connect({ host, port });
      await once(first, 'connect');
      const { localPort = 0 } = first;
      first.resetAndDestroy();
      const second = connect({ host, port, localPort });
      second.on('error', () => {}); // Another process may have the port by now: then the round does not count.
      second.on('connect', () => {
        rounds += 1;
        second.write('SSH-2.0-x\r\n', () => second.resetAndDestroy());
      });
      await new Promise((closed) => second.on('close', closed));
    }
    expect(rounds).toBe(20);
    await expectServing();
  });

  it('who exchanges keys again is sent away', async () => {
    const client = await stranger(testScope());
    client.protocol.rekey();
    await expectEnded(client, 'message 20 does not belong before authentication');
  });

  it('who says much and nothing of use is sent away', async () => {
    const client = await stranger(testScope());
    while (await client.sendSlowly(message(MESSAGE.IGNORE, string('x')))) {}
    await expectEnded(client, 'too many messages before authentication');
  });
});

describe('strangers who exchange keys and say no more', () => {
  async function knock(scope: Scope, bytes: Buffer): Promise<Socket> {
    const { host, port } = world.registry;
    const socket = connect({ host, port });
    scope.defer(() => void socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }

  it('are all answered, and everybody else is served meanwhile', async () => {
    const scope = testScope();
    const bytes = await blindKeyExchange();
    const sockets = await Promise.all(Array.from({ length: 200 }, () => knock(scope, bytes)));
    const answers = sockets.map(async (socket) => {
      let received = 0;
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        received += (chunk as Buffer).length;
        if (received > LONGEST_GREETING) return;
      }
      throw new Error(`${received} bytes came`);
    });
    await expectServing();
    await Promise.all(answers);
  });

  it('may leave at any moment', async () => {
    const { host, port } = world.registry;
    const bytes = await blindKeyExchange();
    const leave = async (number: number) => {
      const socket = connect({ host, port });
      socket.on('error', () => {});
      await once(socket, 'connect');
      if (number % 4 > 0) socket.write(number % 4 > 1 ? bytes : 'SSH-2.0-x\r\n');
      if (number % 4 > 2) await once(socket, 'data');
      socket.resetAndDestroy();
    };
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(Array.from({ length: 200 }, (_, number) => leave(number)));
      await expectServing();
    }
  });

  it('are sent away when they send their part again and again', async () => {
    const bytes = await blindKeyExchange(50);
    const socket = await knock(testScope(), bytes);
    socket.resume();
    await once(socket, 'close');
    await world.registry.log.line('connection ended: the client broke a rule of SSH');
    expect(world.registry.log.lines.map((entry) => entry.reason)).toContain(
      'more than one message of a key exchange at once',
    );
    await expectServing();
  });
});

describe('an agent', () => {
  it.each([0, 1, 1023])('that takes %d bytes in a packet gets no channel', async (maxPacket) => {
    const client = await agent(testScope());
    client.send(openSession(0, { maxPacket }));
    await client.until('CHANNEL_OPEN_FAILURE');
    expect(client.received('CHANNEL_OPEN_FAILURE')).toHaveLength(1);
    await expectServing();
  });

  it('that sends more than the window holds is sent away', async () => {
    const client = await agent(testScope());
    const report = await channel(client, 'exec', 'report');
    const chunk = Buffer.alloc(32_000, 'x');
    for (let sent = 0; sent < 300 * MIB; sent += chunk.length) {
      if (!(await client.sendSlowly(channelData(report, chunk)))) break;
    }
    await client.closed;
    await expectServing();
  });

  it('that asks without end and never reads is not read from', async () => {
    const client = await agent(testScope());
    client.socket.pause();
    const ask = message(MESSAGE.GLOBAL_REQUEST, string('x'), WANT_REPLY);
    for (let sent = 0; sent < 400_000; sent += 1) {
      client.send(ask);
      if (sent % 1000 === 0) await new Promise(setImmediate);
    }
    // The kernel's buffers on both ways take some of it; then all that is sent stays here.
    const filler = message(MESSAGE.IGNORE, string(Buffer.alloc(30_000)));
    for (let sent = 0; sent < 2000 && client.socket.writableLength < 8 * MIB; sent += 1) {
      client.send(filler);
      await new Promise(setImmediate);
    }
    expect(client.socket.writableLength).toBeGreaterThan(7 * MIB);
    await expectServing();
  });

  it('that opens and closes sessions is answered, and sent away after a hundred that ran nothing', async () => {
    const client = await agent(testScope());
    for (let number = 0; number < 5000; number += 1) {
      if (!(await client.sendSlowly(openSession(number)))) break;
      if (!(await client.sendSlowly(message(MESSAGE.CHANNEL_CLOSE, uint32(number))))) break;
    }
    await expectEnded(client, 'too many sessions that ran nothing');
    expect(client.received('CHANNEL_CLOSE').length).toBeGreaterThan(0);
    await expectServing();
  });

  it.each(CIPHERS)('that exchanges keys with one of no use ends alone, with %s', async (cipher) => {
    const client = await agent(testScope(), cipher);
    const lists = [
      'curve25519-sha256',
      'ssh-ed25519',
      ...twice(cipher),
      ...twice('hmac-sha2-256-etm@openssh.com'),
    ];
    const names = [...lists, ...twice('none'), ...twice('')].map((list) => string(list));
    const exchange = message(MESSAGE.KEXINIT, Buffer.alloc(16, 1), ...names, Buffer.alloc(5));
    client.sendTogether(exchange, message(30, string('short')), ...Array(5).fill(message(21)));
    await client.closed;
    await expectServing();
  });

  it('that says much and then exchanges keys goes on', async () => {
    const client = await agent(testScope());
    const exchanged = once(client.client, 'handshake');
    client.socket.cork();
    for (let sent = 0; sent < 2500; sent += 1) client.send(message(MESSAGE.IGNORE, string('x')));
    client.protocol.rekey();
    client.socket.uncork();
    await exchanged;
    await channel(client, 'exec', 'report');
  });

  it.each(['winadj@putty.projects.tartarus.org', 'keepalive@openssh.com', 'signal', 'exec'])(
    'that asks %s of a session that runs is answered',
    async (name) => {
      const client = await agent(testScope());
      const report = await channel(client, 'exec', 'report');
      client.send(channelRequest(report, name, string('report')));
      expect(await client.until('CHANNEL_FAILURE')).toBe(true);
    },
  );

  it('that asks for an unknown subsystem and wants no answer keeps its connection', async () => {
    const client = await agent(testScope());
    client.send(openSession(0));
    await client.until('CHANNEL_OPEN_CONFIRMATION');
    client.send(message(98, uint32(0), string('subsystem'), Buffer.from([0]), string('netconf')));
    client.send(message(MESSAGE.GLOBAL_REQUEST, string('x'), WANT_REPLY));
    expect(await client.until('REQUEST_FAILURE')).toBe(true);
  });

  it('that asks for a second command in a session is refused it', async () => {
    const client = await agent(testScope());
    const report = await channel(client, 'exec', 'report');
    for (let sent = 0; sent < 1000; sent += 1) client.send(channelRequest(report, 'exec', string('report')));
    expect(await client.until('CHANNEL_FAILURE', 1000)).toBe(true);
    await expectServing();
  });

  it('may ask for what OpenSSH asks of the connection, in order', async () => {
    const client = await agent(testScope());
    for (let sent = 0; sent < 3; sent += 1) {
      client.send(message(MESSAGE.GLOBAL_REQUEST, string('keepalive@openssh.com'), WANT_REPLY));
    }
    client.send(message(MESSAGE.GLOBAL_REQUEST, string('no-more-sessions@openssh.com'), Buffer.from([0])));
    expect(await client.until('REQUEST_FAILURE', 3)).toBe(true);
    await channel(client, 'exec', 'report');
    expect(client.received('REQUEST_FAILURE')).toHaveLength(3);
  });

  it('that opens directories without end is refused more, and everybody else is served', async () => {
    const client = await agent(testScope());
    const sftp = await channel(client, 'subsystem', 'sftp');
    const packets = [Buffer.concat([Buffer.from([1]), uint32(3)])];
    for (let id = 1; id <= 200; id += 1)
      packets.push(Buffer.concat([Buffer.from([11]), uint32(id), string('/files')]));
    for (const packet of packets)
      client.send(channelData(sftp, Buffer.concat([uint32(packet.length), packet])));
    await client.until('CHANNEL_DATA', packets.length);
    await expectServing();
  });
});

function twice(list: string): string[] {
  return [list, list];
}
