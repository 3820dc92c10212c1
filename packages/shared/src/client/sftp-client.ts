import type { Duplex } from 'node:stream';
import { DeployError, type ErrorKind } from '../errors.js';
import { PacketPool } from '../sftp/packet-pool.js';
import { PacketReader } from '../sftp/packet-reader.js';
import { PacketSplitter } from '../sftp/packet-splitter.js';
import { PacketWriter } from '../sftp/packet-writer.js';
import {
  type Attrs,
  LIMITS_EXTENSION,
  MAX_DATA,
  type NameEntry,
  OPEN_FLAG,
  PACKET,
  SFTP_VERSION,
  STATUS,
} from '../sftp/protocol.js';
import type { ByteRate } from './byte-rate.js';
import { Flight } from './flight.js';
import { RemoteFile } from './remote-file.js';

/** Data of one request that every server accepts (draft-ietf-secsh-filexfer-02, section 3). */
const SAFE_DATA = 32 * 1024;
/** Bytes of requests in flight: fills a 300 Mbit/s link with 100 ms round trip; SSH's own window bounds it further. */
const DEFAULT_WINDOW = 4 * 1024 * 1024;

export interface UploadOptions {
  readonly signal?: AbortSignal;
  /** Called with the total of bytes handed to the connection so far. */
  readonly onProgress?: (sentBytes: number) => void;
}

export interface ReadOptions {
  /** First byte to read. */
  readonly from?: number;
  /** End, exclusive; by default the end of the file. */
  readonly to?: number;
  /** The most bytes requested and not yet consumed. */
  readonly window?: number;
}

interface Pending {
  readonly resolve: (packet: Buffer) => void;
  readonly reject: (error: DeployError) => void;
}

/**
 * An SFTP version 3 client over an open subsystem channel. Any number of requests may be in flight; replies may arrive
 * in any order. When the channel ends, pending requests are rejected with kind `connect`.
 */
export class SftpClient {
  readonly #channel: Duplex;
  readonly #pending = new Map<number, Pending>();
  readonly #pool = new PacketPool();
  readonly #rate: ByteRate | undefined;
  #nextId = 1;
  #failure: DeployError | undefined;
  #maxRead = SAFE_DATA;
  #maxWrite = SAFE_DATA;
  #onVersion: Pending | undefined;

  private constructor(channel: Duplex, rate: ByteRate | undefined) {
    this.#channel = channel;
    this.#rate = rate;
  }

  /**
   * Exchanges INIT and VERSION, and requests the server's limits where it has the extension. Until the limits arrive, requests have
   * the size that every server accepts.
   * @param rate bounds the bytes that are read.
   */
  static async start(channel: Duplex, rate?: ByteRate): Promise<SftpClient> {
    const client = new SftpClient(channel, rate);
    const version = new Promise<Buffer>((resolve, reject) => {
      client.#onVersion = { resolve, reject };
    });
    client.#listen();
    channel.write(new PacketWriter(PACKET.INIT).uint32(SFTP_VERSION).finish());
    if (offersLimits(new PacketReader(await version, 1))) client.#askLimits();
    return client;
  }

  /** Reads a whole small file, in two round trips. @throws DeployError too-large when it is longer than `maxBytes`. */
  async readFile(path: string, maxBytes: number): Promise<Buffer> {
    const handle = await this.#open(path, OPEN_FLAG.READ);
    try {
      const [size, first] = await Promise.all([
        this.#sizeOf(handle),
        this.#readPart(handle, 0, this.#mostRead()),
      ]);
      const parts = [Buffer.from(first ?? [])];
      let length = parts[0]?.length ?? 0;
      const rest = size === undefined ? {} : { to: Math.min(size, maxBytes + 1) };
      const more = first === undefined ? [] : this.#readHandle(handle, { from: length, ...rest });
      for await (const part of more) {
        length += part.length;
        if (length > maxBytes) break;
        parts.push(Buffer.from(part));
      }
      if (length > maxBytes) throw new DeployError('too-large', `${path} is longer than ${maxBytes} bytes`);
      return Buffer.concat(parts, length);
    } finally {
      void this.#release(handle).catch(() => undefined); // the content is complete
    }
  }

  /** Opens a file for reads at any place; the caller closes it. */
  async openFile(path: string): Promise<RemoteFile> {
    const handle = await this.#open(path, OPEN_FLAG.READ);
    return new RemoteFile(path, {
      maxRead: () => this.#mostRead(),
      read: (offset, length) => this.#readPart(handle, offset, length),
      release: (part) => this.#pool.give(part),
      close: () => this.#release(handle),
    });
  }

  /**
   * Reads the content of a file in order, with many requests in flight. The memory of a part is reused when the consumer asks for
   * the next one.
   */
  async *read(path: string, options: ReadOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    const handle = await this.#open(path, OPEN_FLAG.READ);
    try {
      yield* this.#readHandle(handle, options);
    } finally {
      await this.#release(handle);
    }
  }

  /**
   * Writes a new remote file, many writes in flight. Resolves after the server has confirmed CLOSE.
   * @throws DeployError with the server's text when it refuses; the reason of the signal, at once.
   */
  async upload(path: string, source: AsyncIterable<Uint8Array>, options: UploadOptions = {}): Promise<void> {
    const handle = await this.#open(path, OPEN_FLAG.WRITE | OPEN_FLAG.CREAT | OPEN_FLAG.TRUNC);
    const flight = new Flight(DEFAULT_WINDOW, options.signal);
    let offset = 0;
    try {
      for await (const chunk of source) {
        for (let at = 0; at < chunk.length; at += this.#maxWrite) {
          const data = chunk.subarray(at, at + this.#maxWrite);
          await flight.room(data.length);
          flight.add(data.length, this.#write(handle, offset, data));
          offset += data.length;
          await flight.wait(this.#drained());
        }
        options.onProgress?.(offset);
      }
      await flight.done();
    } catch (error) {
      const closed = this.#close(handle).catch(() => undefined); // the first failure is the one to report
      if (options.signal?.aborted !== true) await closed;
      throw error;
    }
    await this.#close(handle);
  }

  async stat(path: string): Promise<Attrs> {
    const reply = await this.#request(PACKET.STAT, (packet) => packet.string(path));
    return this.#expect(reply, PACKET.ATTRS, path).attrs();
  }

  async list(path: string): Promise<NameEntry[]> {
    const opened = await this.#request(PACKET.OPENDIR, (packet) => packet.string(path));
    const handle = this.#expect(opened, PACKET.HANDLE, path).bytes();
    const entries: NameEntry[] = [];
    try {
      for (;;) {
        const reply = await this.#request(PACKET.READDIR, (packet) => packet.string(handle));
        if (isEof(reply)) return entries;
        const names = this.#expect(reply, PACKET.NAME, path);
        for (let count = names.uint32(); count > 0; count -= 1) entries.push(names.nameEntry());
      }
    } finally {
      await this.#release(handle);
    }
  }

  /** Ends the session; requests still pending are rejected. */
  end(): void {
    this.#channel.end();
  }

  async *#readHandle(handle: Buffer, options: ReadOptions): AsyncGenerator<Buffer, void, undefined> {
    const to = options.to ?? (await this.#sizeOf(handle));
    if (to === undefined) {
      yield* this.#readToEnd(handle, options.from ?? 0);
      return;
    }
    const window = Math.max(options.window ?? DEFAULT_WINDOW, this.#mostRead());
    const flight: Promise<Buffer>[] = [];
    let next = options.from ?? 0;
    let inFlight = 0;
    while (next < to || flight.length > 0) {
      while (next < to && inFlight < window) {
        const length = Math.min(this.#mostRead(), to - next);
        const part = this.#readFully(handle, next, length);
        part.catch(() => undefined); // the loop below awaits it, unless the consumer stops before
        flight.push(part);
        inFlight += length;
        next += length;
      }
      const part = await flight.shift();
      if (part === undefined) break;
      inFlight -= part.length;
      yield part;
      this.#pool.give(part);
    }
  }

  /**
   * @returns undefined when the server reports no size, or 0: pkg/sftp before 1.10 opens missing files, and the Go registry then
   * reports a size of 0. Only a read finds out.
   */
  async #sizeOf(handle: Buffer): Promise<number | undefined> {
    const reply = await this.#request(PACKET.FSTAT, (packet) => packet.string(handle));
    if (reply[0] === PACKET.STATUS) return undefined;
    const { size } = this.#expect(reply, PACKET.ATTRS, 'fstat').attrs();
    return size === 0 ? undefined : size;
  }

  /** Reads part after part until the server reports the end of the file. */
  async *#readToEnd(handle: Buffer, from: number): AsyncGenerator<Buffer, void, undefined> {
    for (let at = from; ; ) {
      const part = await this.#readPart(handle, at, this.#mostRead());
      if (part === undefined) return;
      yield part;
      at += part.length;
    }
  }

  /** Reads exactly `length` bytes, by more requests where the server sends fewer. @throws DeployError corrupt at end of file. */
  async #readFully(handle: Buffer, offset: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let got = 0;
    while (got < length) {
      const part = await this.#readPart(handle, offset + got, length - got);
      if (part === undefined)
        throw new DeployError('corrupt', 'the remote file is shorter than its stated size');
      parts.push(part);
      got += part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, length);
  }

  /** The most bytes of one read. */
  #mostRead(): number {
    return this.#rate === undefined ? this.#maxRead : Math.min(this.#maxRead, this.#rate.part);
  }

  /** One read, within the rate. @returns undefined at the end of the file. */
  async #readPart(handle: Buffer, offset: number, length: number): Promise<Buffer | undefined> {
    if (this.#rate === undefined) return await this.#readNow(handle, offset, length);
    await this.#rate.take(length, this);
    const part = await this.#readNow(handle, offset, length);
    this.#rate.giveBack(length - (part?.length ?? 0));
    return part;
  }

  async #readNow(handle: Buffer, offset: number, length: number): Promise<Buffer | undefined> {
    const reply = await this.#request(PACKET.READ, (packet) =>
      packet.string(handle).uint64(offset).uint32(length),
    );
    if (isEof(reply)) return undefined;
    const part = this.#expect(reply, PACKET.DATA, 'read').bytes();
    if (part.length === 0 || part.length > length)
      throw new DeployError('corrupt', 'the server sent no data, or more than requested');
    return part;
  }

  async #open(path: string, flags: number): Promise<Buffer> {
    const reply = await this.#request(PACKET.OPEN, (packet) => packet.string(path).uint32(flags).attrs({}));
    return this.#expect(reply, PACKET.HANDLE, path).bytes();
  }

  async #close(handle: Buffer): Promise<void> {
    this.#expectOk(await this.#request(PACKET.CLOSE, (packet) => packet.string(handle)), 'close');
  }

  /** Closes a handle that was only read; an ended session has closed it already. */
  async #release(handle: Buffer): Promise<void> {
    await this.#close(handle).catch((error: unknown) => {
      if (this.#failure === undefined) throw error;
    });
  }

  async #write(handle: Buffer, offset: number, data: Uint8Array): Promise<void> {
    const size = 32 + handle.length + data.length;
    const reply = await this.#request(
      PACKET.WRITE,
      (packet) => packet.string(handle).uint64(offset).string(data),
      size,
    );
    this.#expectOk(reply, 'write');
  }

  #askLimits(): void {
    this.#learnLimits().catch((error: unknown) => {
      this.#fail(error instanceof DeployError ? error : new DeployError('corrupt', String(error)));
      this.#channel.destroy();
    });
  }

  async #learnLimits(): Promise<void> {
    const reply = await this.#request(PACKET.EXTENDED, (packet) => packet.string(LIMITS_EXTENSION));
    if (reply[0] === PACKET.STATUS) return; // offered but refused: the safe sizes remain
    const limits = this.#expect(reply, PACKET.EXTENDED_REPLY, 'limits');
    limits.uint64();
    this.#maxRead = clampData(limits.uint64());
    this.#maxWrite = clampData(limits.uint64());
  }

  #request(type: number, fill: (packet: PacketWriter) => PacketWriter, sizeHint?: number): Promise<Buffer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) >>> 0;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#channel.write(fill(new PacketWriter(type, sizeHint).uint32(id)).finish());
    });
  }

  #expect(packet: Buffer, type: number, what: string): PacketReader {
    if (packet[0] === PACKET.STATUS) throw statusError(packet, what);
    if (packet[0] !== type)
      throw new DeployError('corrupt', `unexpected SFTP reply of type ${packet[0]} for ${what}`);
    return new PacketReader(packet, 5);
  }

  #expectOk(packet: Buffer, what: string): void {
    const reader = packet[0] === PACKET.STATUS ? new PacketReader(packet, 5) : undefined;
    if (reader?.uint32() !== STATUS.OK) throw statusError(packet, what);
  }

  #drained(): Promise<void> {
    if (!this.#channel.writableNeedDrain || this.#failure !== undefined) return Promise.resolve();
    const channel = this.#channel;
    return new Promise((resolve) => {
      const done = () => {
        channel.off('drain', done).off('end', done).off('close', done);
        resolve();
      };
      channel.on('drain', done).on('end', done).on('close', done);
    });
  }

  #listen(): void {
    const splitter = new PacketSplitter((length) => this.#pool.take(length));
    this.#channel.on('data', (chunk: Buffer) => {
      try {
        for (const packet of splitter.push(chunk)) this.#dispatch(packet);
      } catch (error) {
        this.#fail(error instanceof DeployError ? error : new DeployError('corrupt', String(error)));
        this.#channel.destroy();
      }
    });
    const lost = () =>
      this.#fail(new DeployError('connect', 'the SFTP session ended', { hint: 'try again' }));
    this.#channel.on('end', lost);
    this.#channel.on('close', lost);
    this.#channel.on('error', lost);
  }

  #dispatch(packet: Buffer): void {
    if (packet[0] === PACKET.VERSION) {
      this.#onVersion?.resolve(packet);
      this.#onVersion = undefined;
      return;
    }
    const id = new PacketReader(packet, 1).uint32();
    const pending = this.#pending.get(id);
    if (pending === undefined)
      throw new DeployError('corrupt', `SFTP reply to a request that was not made (${id})`);
    this.#pending.delete(id);
    pending.resolve(packet);
  }

  #fail(error: DeployError): void {
    this.#failure ??= error;
    this.#onVersion?.reject(this.#failure);
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
    this.#rate?.forget(this);
  }
}

/** @throws DeployError unsupported for a version before 3. */
function offersLimits(version: PacketReader): boolean {
  const number = version.uint32();
  if (number < SFTP_VERSION)
    throw new DeployError('unsupported', `the server speaks SFTP version ${number}, we need 3`);
  let offers = false;
  while (version.remaining > 0) {
    if (version.string() === LIMITS_EXTENSION) offers = true;
    version.bytes();
  }
  return offers;
}

function clampData(limit: number): number {
  return limit === 0 ? SAFE_DATA : Math.min(limit, MAX_DATA);
}

function isEof(packet: Buffer): boolean {
  return packet[0] === PACKET.STATUS && new PacketReader(packet, 5).uint32() === STATUS.EOF;
}

const KIND_OF_STATUS: Readonly<Record<number, ErrorKind>> = {
  [STATUS.NO_SUCH_FILE]: 'not-found',
  [STATUS.PERMISSION_DENIED]: 'denied',
  [STATUS.OP_UNSUPPORTED]: 'unsupported',
};

function statusError(packet: Buffer, what: string): DeployError {
  const reader = new PacketReader(packet, 5);
  const code = packet[0] === PACKET.STATUS ? reader.uint32() : STATUS.BAD_MESSAGE;
  const text = reader.remaining >= 4 ? reader.string() : '';
  return new DeployError(
    KIND_OF_STATUS[code] ?? 'invalid',
    `${what}: ${text === '' ? `SFTP status ${code}` : text}`,
  );
}
