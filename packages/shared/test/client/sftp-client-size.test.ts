import { type Duplex, duplexPair } from 'node:stream';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketSplitter } from '@deploy-tools/shared/sftp/packet-splitter.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { PACKET, STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import { describe, expect, test } from 'vitest';

type Size = 'refused' | 'absent' | 0;

/** A server that does not tell the size of its one file; without content the file is not there, as the first read says. */
function sizelessServer(size: Size, content: Buffer | undefined): Duplex {
  const [channel, peer] = duplexPair();
  const splitter = new PacketSplitter();
  peer.on('data', (chunk: Buffer) => {
    for (const packet of splitter.push(chunk)) peer.write(answer(packet, size, content));
  });
  return channel;
}

function answer(packet: Buffer, size: Size, content: Buffer | undefined): Buffer {
  if (packet[0] === PACKET.INIT) return new PacketWriter(PACKET.VERSION).uint32(3).finish();
  const request = new PacketReader(packet, 1);
  const id = request.uint32();
  const status = (code: number) =>
    new PacketWriter(PACKET.STATUS).uint32(id).uint32(code).string('said so').string('').finish();
  switch (packet[0]) {
    case PACKET.OPEN:
      return new PacketWriter(PACKET.HANDLE).uint32(id).string('h').finish();
    case PACKET.FSTAT:
      if (size === 'refused') return status(STATUS.OP_UNSUPPORTED);
      return new PacketWriter(PACKET.ATTRS)
        .uint32(id)
        .attrs(size === 'absent' ? {} : { size })
        .finish();
    case PACKET.READ: {
      if (content === undefined) return status(STATUS.NO_SUCH_FILE);
      request.bytes();
      const at = request.uint64();
      const data = content.subarray(at, at + Math.min(request.uint32(), 20_000));
      return data.length === 0
        ? status(STATUS.EOF)
        : new PacketWriter(PACKET.DATA).uint32(id).string(data).finish();
    }
    default:
      return status(STATUS.OK);
  }
}

describe.each<Size>(['refused', 'absent', 0])('a file whose size is %s', (size) => {
  test('is read to its end', async () => {
    const content = Buffer.from(Array.from({ length: 70_001 }, (_, index) => index % 251));
    const client = await SftpClient.start(sizelessServer(size, content));
    expect((await client.readFile('/f', 100_000)).equals(content)).toBe(true);
    const rest: Buffer[] = [];
    for await (const part of client.read('/f', { from: 60_000 })) rest.push(Buffer.from(part));
    expect(Buffer.concat(rest).equals(content.subarray(60_000))).toBe(true);
  });

  test('may be empty', async () => {
    const client = await SftpClient.start(sizelessServer(size, Buffer.alloc(0)));
    expect(await client.readFile('/f', 10)).toHaveLength(0);
  });

  test('may turn out not to be there', async () => {
    const client = await SftpClient.start(sizelessServer(size, undefined));
    await expect(client.readFile('/f', 10)).rejects.toMatchObject({ kind: 'not-found' });
  });
});
