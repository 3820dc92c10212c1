import { DeployError } from '@deploy-tools/shared/errors.js';
import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import {
  LIMITS_EXTENSION,
  MAX_DATA,
  MAX_PACKET,
  PACKET,
  STATUS,
} from '@deploy-tools/shared/sftp/protocol.js';
import { nameEntry } from './listing.js';
import { attrsReply, fittingEntries, namesReply, ok, statusReply } from './replies.js';
import type { ListedFile, SftpFile, SftpFiles } from './sftp-files.js';
import { normalizePath } from './sftp-files.js';
import type { TransferMemory } from './transfer-memory.js';

/** Open handles of one session; {@link Handles} bounds those of all sessions of a key. */
const MAX_HANDLES = 64;
/** Bytes before the data of a DATA reply: length, type, id and data length. */
const DATA_HEADER = 13;

/** The handles that the session's key may open. */
export interface Handles {
  /**
   * @param entries the length of a directory's listing, which is kept until the handle is closed.
   * @returns a function that gives the handle back, or a text with the reached bound.
   */
  take(entries?: number): (() => void) | string;
}

type Handle = { readonly giveBack: () => void } & (
  | { readonly kind: 'file'; readonly file: SftpFile; readonly pending: Set<Promise<unknown>> }
  | { readonly kind: 'directory'; readonly entries: readonly ListedFile[]; at: number }
);

export interface RequestHandlerOptions {
  readonly files: SftpFiles;
  readonly handles: Handles;
  /** Aborted when the client is gone. */
  readonly gone: AbortSignal;
  readonly memory: TransferMemory;
}

/**
 * Makes the replies to the request packets of one session, and keeps its open handles. Requests may overlap; CLOSE waits for those
 * of its handle.
 */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #handles = new Map<number, Handle>();
  #opening = 0;
  #openingFiles = 0;
  #nextHandle = 1;
  #over = false;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  /** Whether a transfer may be under way. */
  get hasOpenFiles(): boolean {
    return this.#openingFiles > 0 || [...this.#handles.values()].some(({ kind }) => kind === 'file');
  }

  /** @throws DeployError, whose kind becomes the STATUS reply. */
  handle(packet: Buffer, id: number): Promise<Buffer> {
    const request = new PacketReader(packet, 5);
    switch (packet[0]) {
      case PACKET.READ:
        return this.#read(request, id);
      case PACKET.WRITE:
        return this.#write(request, id);
      case PACKET.OPEN:
        return this.#open(request, id);
      case PACKET.CLOSE:
        return this.#close(request, id);
      case PACKET.STAT:
      case PACKET.LSTAT:
        return this.#stat(request, id);
      case PACKET.FSTAT:
        return this.#fstat(request, id);
      case PACKET.SETSTAT:
        return this.#options.files.setStat(normalizePath(request.string())).then(() => ok(id));
      case PACKET.FSETSTAT:
        return this.#fsetstat(request, id);
      case PACKET.OPENDIR:
        return this.#opendir(request, id);
      case PACKET.READDIR:
        return this.#readdir(request, id);
      case PACKET.REALPATH:
        return this.#realpath(request, id);
      case PACKET.RENAME:
        return this.#options.files
          .rename(normalizePath(request.string()), normalizePath(request.string()))
          .then(() => ok(id));
      case PACKET.REMOVE:
      case PACKET.MKDIR:
      case PACKET.RMDIR:
      case PACKET.SYMLINK:
      case PACKET.READLINK:
        return Promise.reject(new DeployError('denied', 'the registry does not allow this operation'));
      case PACKET.EXTENDED:
        return this.#extended(request, id);
      default:
        return Promise.reject(
          new DeployError('unsupported', `SFTP packet type ${packet[0]} is not supported`),
        );
    }
  }

  /** Ends the session: open uploads are not stored. */
  async abandonAll(): Promise<void> {
    this.#over = true;
    const open = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of open) {
      handle.giveBack();
      if (handle.kind !== 'file') continue;
      await Promise.allSettled(handle.pending);
      await handle.file.abandon();
    }
  }

  async #open(request: PacketReader, id: number): Promise<Buffer> {
    const path = normalizePath(request.string());
    const flags = request.uint32();
    return this.#withRoom(async () => {
      const giveBack = this.#take();
      this.#openingFiles += 1;
      try {
        const file = await this.#options.files.open(path, flags);
        if (!this.#over) return this.#newHandle(id, { kind: 'file', file, pending: new Set(), giveBack });
        await file.abandon();
        throw new DeployError('cancelled', 'the session is over');
      } catch (error) {
        giveBack();
        throw error;
      } finally {
        this.#openingFiles -= 1;
      }
    });
  }

  async #opendir(request: PacketReader, id: number): Promise<Buffer> {
    const path = normalizePath(request.string());
    return this.#withRoom(async () => {
      const entries = await this.#options.memory.listings.take(
        () => this.#options.files.list(path),
        this.#options.gone,
      );
      if (this.#over) throw new DeployError('cancelled', 'the session is over');
      const giveBack = this.#take(entries.length);
      return this.#newHandle(id, { kind: 'directory', entries, at: 0, giveBack });
    });
  }

  #take(entries = 0): () => void {
    const taken = this.#options.handles.take(entries);
    if (typeof taken !== 'string') return taken;
    throw new DeployError('too-large', `too much is open at once: ${taken}`, {
      hint: 'close files and directories, or try again later',
    });
  }

  async #withRoom(open: () => Promise<Buffer>): Promise<Buffer> {
    if (this.#handles.size + this.#opening >= MAX_HANDLES) {
      throw new DeployError('too-large', `more than ${MAX_HANDLES} open handles in one session`);
    }
    this.#opening += 1;
    try {
      return await open();
    } finally {
      this.#opening -= 1;
    }
  }

  #newHandle(id: number, handle: Handle): Buffer {
    const number = this.#nextHandle;
    this.#nextHandle += 1;
    this.#handles.set(number, handle);
    const name = Buffer.allocUnsafe(4);
    name.writeUInt32BE(number);
    return new PacketWriter(PACKET.HANDLE).uint32(id).string(name).finish();
  }

  async #read(request: PacketReader, id: number): Promise<Buffer> {
    const { file, pending } = this.#file(request);
    const offset = request.uint64();
    const length = Math.min(request.uint32(), MAX_DATA);
    if (file.read === undefined) throw new DeployError('denied', 'the file is open for writing only');
    const reply = this.#options.memory.packets.take(DATA_HEADER + length);
    const got = await track(pending, file.read(reply.subarray(DATA_HEADER), offset));
    if (got === 0 && length > 0) return statusReply(id, STATUS.EOF, 'end of file');
    reply.writeUInt32BE(got + DATA_HEADER - 4, 0);
    reply[4] = PACKET.DATA;
    reply.writeUInt32BE(id, 5);
    reply.writeUInt32BE(got, 9);
    return reply.subarray(0, DATA_HEADER + got);
  }

  async #write(request: PacketReader, id: number): Promise<Buffer> {
    const { file, pending } = this.#file(request);
    const offset = request.uint64();
    const data = request.bytes();
    if (file.write === undefined) throw new DeployError('denied', 'the file is open for reading only');
    await track(pending, file.write(data, offset));
    return ok(id);
  }

  async #close(request: PacketReader, id: number): Promise<Buffer> {
    const number = this.#handleNumber(request);
    const handle = this.#handles.get(number);
    if (handle === undefined) throw noHandle();
    this.#handles.delete(number);
    handle.giveBack();
    if (handle.kind === 'file') {
      await Promise.allSettled(handle.pending);
      await handle.file.close(this.#options.gone);
    }
    return ok(id);
  }

  async #stat(request: PacketReader, id: number): Promise<Buffer> {
    return attrsReply(id, await this.#options.files.stat(normalizePath(request.string())));
  }

  async #fstat(request: PacketReader, id: number): Promise<Buffer> {
    const { file, pending } = this.#file(request);
    await Promise.allSettled(pending);
    return attrsReply(id, file.stat());
  }

  async #fsetstat(request: PacketReader, id: number): Promise<Buffer> {
    const { file } = this.#file(request);
    if (file.write === undefined) throw new DeployError('denied', 'agents may only read');
    return ok(id);
  }

  async #readdir(request: PacketReader, id: number): Promise<Buffer> {
    const handle = this.#handles.get(this.#handleNumber(request));
    if (handle?.kind !== 'directory') throw noHandle();
    const entries = fittingEntries(handle.entries, handle.at);
    if (entries.length === 0) return statusReply(id, STATUS.EOF, 'no more entries');
    handle.at += entries.length;
    return namesReply(id, entries);
  }

  async #realpath(request: PacketReader, id: number): Promise<Buffer> {
    return namesReply(id, [nameEntry(normalizePath(request.string()), {})]);
  }

  async #extended(request: PacketReader, id: number): Promise<Buffer> {
    const name = request.string();
    if (name !== LIMITS_EXTENSION) throw new DeployError('unsupported', `extension ${name} is not supported`);
    const reply = new PacketWriter(PACKET.EXTENDED_REPLY).uint32(id);
    return reply.uint64(MAX_PACKET).uint64(MAX_DATA).uint64(MAX_DATA).uint64(MAX_HANDLES).finish();
  }

  #file(request: PacketReader): Extract<Handle, { kind: 'file' }> {
    const handle = this.#handles.get(this.#handleNumber(request));
    if (handle?.kind !== 'file') throw noHandle();
    return handle;
  }

  #handleNumber(request: PacketReader): number {
    const name = request.bytes();
    return name.length === 4 ? name.readUInt32BE(0) : 0;
  }
}

async function track<T>(pending: Set<Promise<unknown>>, work: Promise<T>): Promise<T> {
  pending.add(work);
  try {
    return await work;
  } finally {
    pending.delete(work);
  }
}

function noHandle(): DeployError {
  return new DeployError('invalid', 'no such handle');
}
