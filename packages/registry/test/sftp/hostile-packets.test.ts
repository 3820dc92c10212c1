import { once } from 'node:events';
import { AgentTree } from '@deploy-tools/registry/sftp/agent-tree.js';
import { OperatorTree } from '@deploy-tools/registry/sftp/operator-tree.js';
import { RequestHandler } from '@deploy-tools/registry/sftp/request-handler.js';
import { openTransferMemory } from '@deploy-tools/registry/sftp/transfer-memory.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketSplitter } from '@deploy-tools/shared/sftp/packet-splitter.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { MAX_DATA, MAX_PACKET, PACKET, STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AGENT,
  addText,
  OPERATOR,
  openLastingRegistry,
  type TestRegistry,
} from '../support/open-registry.js';
import { startSftpServer, type TestSftpServer } from '../support/sftp-server.js';

let registry: TestRegistry;
let servers: Record<'operator' | 'agent', TestSftpServer>;
const INIT = new PacketWriter(PACKET.INIT).uint32(3).finish();

beforeAll(async () => {
  registry = await openLastingRegistry();
  await addText(registry, 'code', 'v1');
  servers = {
    operator: await startSftpServer(
      (transfers) =>
        new OperatorTree(registry, { principal: OPERATOR, log: registry.log, transfers: transfers }),
      registry.log,
    ),
    agent: await startSftpServer(
      (transfers) => new AgentTree(registry, { access: AGENT.access, log: registry.log, transfers }),
      registry.log,
    ),
  };
});

afterAll(async () => {
  for (const server of Object.values(servers)) await server.close();
  await registry.close();
});

/** Sends bytes, then EOF. @returns the packets that came back until the server closed the channel. */
async function exchange(
  server: TestSftpServer,
  bytes: Uint8Array,
): Promise<{ packets: Buffer[]; status: number; stderr: string }> {
  const channel = await server.open();
  let stderr = '';
  channel.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const splitter = new PacketSplitter();
  const packets: Buffer[] = [];
  let status = -1;
  channel.on('exit', (code: number) => {
    status = code;
  });
  channel.on('data', (chunk: Buffer) => packets.push(...splitter.push(chunk)));
  channel.end(bytes);
  await once(channel, 'close');
  expect(splitter.atBoundary).toBe(true);
  return { packets, status, stderr };
}

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

const anyType = fc.oneof(fc.constantFrom(...Object.values(PACKET)), fc.nat(255));
const anyRequest = fc
  .tuple(anyType, fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 60 }))
  .map(([type, id, fields]) => {
    const head = Buffer.alloc(5);
    head[0] = type;
    head.writeUInt32BE(id, 1);
    return Buffer.concat([head, fields]);
  });

describe.each(['operator', 'agent'] as const)('a hostile %s', (role) => {
  test('gets one reply for each request, in order, whatever its fields are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRequest, { maxLength: 12 }), async (requests) => {
        const stream = Buffer.concat([INIT, ...requests.map(framed)]);
        const { packets, status } = await exchange(servers[role], stream);
        expect(packets[0]?.[0]).toBe(PACKET.VERSION);
        const ids = packets.slice(1).map((packet) => new PacketReader(packet, 1).uint32());
        expect(ids).toEqual(requests.map((request) => request.readUInt32BE(1)));
        expect(status).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('with any bytes ends its own session and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 120 }), async (greeted, bytes) => {
        const { status } = await exchange(servers[role], greeted ? Buffer.concat([INIT, bytes]) : bytes);
        expect([0, 1]).toContain(status);
      }),
      { numRuns: 60 },
    );
    expect(await registry.bytes.clean()).toBe(0);
    expect(servers[role].activity.running).toBe(0);
  });

  test.each([
    ['no greeting', framed(Buffer.from([PACKET.STAT, 0, 0, 0, 1, 0, 0, 0, 0])), 'does not begin with INIT'],
    ['a packet without an id', Buffer.concat([INIT, framed(Buffer.from([PACKET.STAT, 0]))]), 'packet'],
    ['an empty packet', Buffer.concat([INIT, Buffer.from([0, 0, 0, 0])]), 'packet of 0 bytes'],
    [
      'an endless packet',
      Buffer.concat([INIT, Buffer.from([0xff, 0xff, 0xff, 0xff])]),
      'packet of 4294967295',
    ],
    [
      'a packet that is cut',
      Buffer.concat([INIT, Buffer.from([0, 0, 0, 9, PACKET.STAT])]),
      'middle of a packet',
    ],
  ])('%s is an error of the session, which says why', async (_what, bytes, words) => {
    const { status, stderr } = await exchange(servers[role], bytes);
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`^SFTP: .*${words}.*\\n$`));
  });
});

test('a listing fits the packets that every client takes', async () => {
  const [layer] = await registry.meta.read((tx) => tx.versions('code'));
  if (layer === undefined) throw new Error('no version');
  await registry.meta.write(async (tx) => {
    for (let index = 0; index < 150; index += 1) {
      const name = `${String(index).padStart(3, '0')}${'n'.repeat(190)}`;
      const revision = { name, revision: 1, mtime: layer.created, hash: layer.hash, layers: [layer] };
      await tx.appendRevision({ ...revision, author: OPERATOR, command: 'x' });
    }
  });
  const channel = await servers.agent.open();
  const splitter = new PacketSplitter();
  const lengths: number[] = [];
  channel.on('data', (chunk: Buffer) =>
    lengths.push(...splitter.push(chunk).map((packet) => packet.length + 4)),
  );
  const client = await SftpClient.start(channel);
  expect(await client.list('/configs')).toHaveLength(150);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(34_000); // draft-ietf-secsh-filexfer-02, section 3
});

test('a READ of more than a packet holds is answered with what fits', async () => {
  const content = Buffer.alloc(2 * MAX_PACKET, 1);
  const files = new AgentTree(registry, {
    access: AGENT.access,
    log: registry.log,
    transfers: { begin: () => () => {}, onStop: () => () => {} },
  });
  const { hash } = await addText(registry, 'large', 'v1', content.toString());
  const handler = new RequestHandler({
    files,
    handles: { take: () => () => {} },
    gone: new AbortController().signal,
    memory: openTransferMemory(),
  });
  const open = new PacketWriter(PACKET.OPEN).uint32(1).string(`/files/${hash}`).uint32(1).attrs({}).finish();
  const handle = new PacketReader(await handler.handle(open.subarray(4), 1), 9).bytes();
  const ask = (offset: number, length: number) => {
    const read = new PacketWriter(PACKET.READ)
      .uint32(2)
      .string(handle)
      .uint64(offset)
      .uint32(length)
      .finish();
    return handler.handle(read.subarray(4), 2);
  };
  const data = await ask(0, 0xffff_ffff);
  expect([data[4], data.length - 4 <= MAX_PACKET]).toEqual([PACKET.DATA, true]);
  expect(new PacketReader(data, 9).bytes().length).toBe(MAX_DATA);
  const end = await ask(content.length, 1);
  expect([end[4], new PacketReader(end, 9).uint32()]).toEqual([PACKET.STATUS, STATUS.EOF]);
  expect(new PacketReader(await ask(0, 0), 9).bytes()).toEqual(Buffer.alloc(0));
  await handler.abandonAll();
});
