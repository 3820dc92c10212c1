import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketSplitter } from '@deploy-tools/shared/sftp/packet-splitter.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { OPEN_FLAG, PACKET, SFTP_VERSION, STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import type { OpenSsh } from './open-ssh.js';
import type { Scope } from './scope.js';

/** What a server answered: the packet's type, and a reader behind its request id. */
export interface RawReply {
  readonly type: number;
  readonly packet: Buffer;
  /** For a STATUS: its code. */
  readonly status: number | undefined;
  body(): PacketReader;
}

/** An SFTP client that sends whatever a test wants, in whatever order, over a real `ssh -s HOST sftp`. */
export class RawSftp {
  readonly #stream: Duplex;
  readonly #replies = new Map<number, (reply: RawReply) => void>();
  #nextId = 1;
  /** Ids in the order in which the replies came. */
  readonly order: number[] = [];
  /** Resolves when the server has ended the session. */
  readonly ended: Promise<void>;

  private constructor(stream: Duplex, onVersion: () => void) {
    this.#stream = stream;
    const splitter = new PacketSplitter();
    stream.on('data', (chunk: Buffer) => {
      for (const packet of splitter.push(chunk)) {
        if (packet[0] === PACKET.VERSION) onVersion();
        else this.#take(Buffer.from(packet));
      }
    });
    this.ended = new Promise((resolve) => stream.once('close', resolve));
  }

  /** Opens the subsystem with the stock client and says INIT. */
  static async open(scope: Scope, client: OpenSsh): Promise<RawSftp> {
    const child = spawn('ssh', ['-s', ...client.sshArgs('sftp')], { stdio: ['pipe', 'pipe', 'inherit'] });
    scope.defer(() => void child.kill('SIGKILL'));
    child.stdin.on('error', () => {}); // seen as the end of the session
    return RawSftp.over(Duplex.from({ readable: child.stdout, writable: child.stdin }));
  }

  /** Speaks over a channel that is open already. */
  static async over(stream: Duplex): Promise<RawSftp> {
    stream.on('error', () => {});
    let onVersion = () => {};
    const version = new Promise<void>((resolve) => {
      onVersion = resolve;
    });
    const sftp = new RawSftp(stream, onVersion);
    stream.write(new PacketWriter(PACKET.INIT).uint32(SFTP_VERSION).finish());
    await version;
    return sftp;
  }

  /** Sends a request; any number may be in flight. */
  request(
    type: number,
    fill: (packet: PacketWriter) => PacketWriter = (packet) => packet,
  ): Promise<RawReply> {
    const id = this.#nextId;
    this.#nextId += 1;
    const reply = new Promise<RawReply>((resolve) => this.#replies.set(id, resolve));
    this.#stream.write(fill(new PacketWriter(type).uint32(id)).finish());
    return reply;
  }

  /** OPEN. @returns the handle, or the status that refused it. */
  async open(path: string, flags: number): Promise<Buffer | number> {
    const reply = await this.request(PACKET.OPEN, (packet) => packet.string(path).uint32(flags).attrs({}));
    return reply.status ?? reply.body().bytes();
  }

  /** OPEN for an upload. @throws when it is refused. */
  async create(path: string): Promise<Buffer> {
    const handle = await this.open(path, OPEN_FLAG.WRITE | OPEN_FLAG.CREAT | OPEN_FLAG.TRUNC);
    if (typeof handle === 'number') throw new Error(`OPEN: status ${handle}`);
    return handle;
  }

  write(handle: Buffer, offset: number, data: Uint8Array): Promise<RawReply> {
    return this.request(PACKET.WRITE, (packet) => packet.string(handle).uint64(offset).string(data));
  }

  read(handle: Buffer, offset: number, length: number): Promise<RawReply> {
    return this.request(PACKET.READ, (packet) => packet.string(handle).uint64(offset).uint32(length));
  }

  close(handle: Buffer): Promise<RawReply> {
    return this.request(PACKET.CLOSE, (packet) => packet.string(handle));
  }

  /** Raw bytes, right or wrong. */
  send(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  #take(packet: Buffer): void {
    const id = new PacketReader(packet, 1).uint32();
    this.order.push(id);
    const isStatus = packet[0] === PACKET.STATUS;
    this.#replies.get(id)?.({
      type: packet[0] ?? 0,
      packet,
      status: isStatus ? new PacketReader(packet, 5).uint32() : undefined,
      body: () => new PacketReader(packet, 5),
    });
    this.#replies.delete(id);
  }
}

/** The name of a status code, for messages that people read. */
export function statusName(code: number | undefined): string | undefined {
  return Object.entries(STATUS).find(([, value]) => value === code)?.[0];
}
