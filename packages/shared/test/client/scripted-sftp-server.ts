import { type Duplex, duplexPair } from 'node:stream';
import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketSplitter } from '@deploy-tools/shared/sftp/packet-splitter.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { type Attrs, LIMITS_EXTENSION, PACKET, STATUS } from '@deploy-tools/shared/sftp/protocol.js';

/** A request as the script of a test sees it. */
export interface Request {
  readonly type: number;
  readonly id: number;
  /** At the first field after the id. */
  readonly fields: PacketReader;
}

export interface ScriptedSftpServer {
  /** The client's side. */
  readonly channel: Duplex;
  /** The server's side: a test may write to it what a broken server would, or cut it. */
  readonly peer: Duplex;
  /** Types of the requests seen, in order. */
  readonly seen: number[];
}

/** A server of which each answer is a line of the test; without an answer a request stays open. */
export function scriptedSftpServer(
  answer: (request: Request) => Buffer | undefined,
  version: Buffer = versionReply(),
): ScriptedSftpServer {
  const [channel, peer] = duplexPair();
  const splitter = new PacketSplitter();
  const seen: number[] = [];
  peer.on('data', (chunk: Buffer) => {
    for (const packet of splitter.push(chunk)) {
      const type = packet[0] ?? 0;
      seen.push(type);
      if (type === PACKET.INIT) {
        peer.write(version);
        continue;
      }
      const fields = new PacketReader(packet, 1);
      const reply = answer({ type, id: fields.uint32(), fields });
      if (reply !== undefined) peer.write(reply);
    }
  });
  peer.on('end', () => peer.end());
  peer.on('error', () => undefined);
  return { channel, peer, seen };
}

export function versionReply(number = 3, extensions: readonly string[] = []): Buffer {
  const packet = new PacketWriter(PACKET.VERSION).uint32(number);
  for (const extension of extensions) packet.string(extension).string('1');
  return packet.finish();
}

export const withLimits = versionReply(3, ['posix-rename@openssh.com', LIMITS_EXTENSION]);

export function limitsReply(id: number, maxRead: number, maxWrite: number): Buffer {
  const packet = new PacketWriter(PACKET.EXTENDED_REPLY).uint32(id).uint64(262_144);
  return packet.uint64(maxRead).uint64(maxWrite).uint64(0).finish();
}

export function handleReply(id: number): Buffer {
  return new PacketWriter(PACKET.HANDLE).uint32(id).string('h').finish();
}

export function statusReply(id: number, code: number = STATUS.OK, text = ''): Buffer {
  return new PacketWriter(PACKET.STATUS).uint32(id).uint32(code).string(text).string('').finish();
}

export function attrsReply(id: number, attrs: Attrs): Buffer {
  return new PacketWriter(PACKET.ATTRS).uint32(id).attrs(attrs).finish();
}

export function dataReply(id: number, data: Uint8Array): Buffer {
  return new PacketWriter(PACKET.DATA).uint32(id).string(data).finish();
}
