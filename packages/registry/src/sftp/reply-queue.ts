import type { PacketPool } from '@deploy-tools/shared/sftp/packet-pool.js';
import type { ServerChannel } from 'ssh2';
import type { Outbound } from './outbound.js';
import type { TransferCounter } from './sftp-files.js';

/** Bounds for one session. */
const MAX_REQUESTS = 256;
/** Bytes of unanswered requests: how much a client may send ahead while the disk is slow. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/**
 * Bytes of unsent replies: two of the largest, so that one is read from disk while the other is encrypted. More would gain
 * nothing, as the client's window holds further data, and hundreds of clients read at once.
 */
const MAX_REPLY_BYTES = 512 * 1024;
/** Unsent bytes of the connection at which replies wait. */
const MAX_WAITING_BYTES = 256 * 1024;

/** The memory that a request holds until its reply is sent, in bytes. */
export interface Cost {
  /** The request itself. */
  readonly request: number;
  /** The requested data. */
  readonly reply: number;
}

export interface ReplyQueueOptions {
  readonly outbound: Outbound;
  readonly transfers: TransferCounter;
  /** Takes back the memory of sent replies. */
  readonly packets: PacketPool;
}

/**
 * Sends replies in the order of their requests. `room` waits while too much is outstanding; that stops reading, and SSH's window
 * then stops the client.
 */
export class ReplyQueue {
  readonly #channel: ServerChannel;
  readonly #outbound: Outbound;
  readonly #ignoreOutbound: () => void;
  /** Counts unsent replies as running work: during a shutdown, a client waits for the reply to its last CLOSE. */
  readonly #transfers: TransferCounter;
  readonly #packets: PacketPool;
  readonly #queue: { readonly cost: Cost; readonly reply: Promise<Buffer> }[] = [];
  #requestBytes = 0;
  #replyBytes = 0;
  #sending: Promise<void> | undefined;
  #failure: unknown;
  #closed = false;
  #wake: (() => void)[] = [];
  readonly #onClose = () => this.close();

  constructor(channel: ServerChannel, { outbound, transfers, packets }: ReplyQueueOptions) {
    this.#channel = channel;
    this.#outbound = outbound;
    this.#transfers = transfers;
    this.#packets = packets;
    channel.on('close', this.#onClose);
    this.#ignoreOutbound = outbound.onChange(() => (outbound.closed ? this.close() : this.#notify()));
  }

  /**
   * Waits until there is room for a request of this cost.
   * @returns false when no reply can be sent any more. @throws the error of a reply.
   */
  async room(cost: Cost): Promise<boolean> {
    while (!this.#closed && !this.#hasRoom(cost)) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
    return !this.#closed;
  }

  add(cost: Cost, reply: Promise<Buffer>): void {
    reply.catch(() => undefined); // #sendAll rethrows it
    this.#queue.push({ cost, reply });
    this.#requestBytes += cost.request;
    this.#replyBytes += cost.reply;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when all added replies are sent. @throws the error of a reply. */
  async flushed(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Sends nothing more. */
  close(): void {
    this.#closed = true;
    this.#channel.off('close', this.#onClose);
    this.#ignoreOutbound();
    this.#notify();
  }

  #hasRoom({ request, reply }: Cost): boolean {
    if (this.#queue.length >= MAX_REQUESTS) return false;
    return this.#requestBytes + request <= MAX_REQUEST_BYTES && this.#replyBytes + reply <= MAX_REPLY_BYTES;
  }

  async #sendAll(): Promise<void> {
    const sent = this.#transfers.begin();
    try {
      for (let next = this.#queue[0]; next !== undefined && !this.#closed; next = this.#queue[0]) {
        const reply = await next.reply;
        await this.#write(reply);
        this.#queue.shift();
        this.#requestBytes -= next.cost.request;
        this.#replyBytes -= next.cost.reply;
        this.#notify();
      }
    } catch (error) {
      this.#failure = error;
      this.close();
    } finally {
      sent();
    }
  }

  /** Writes one reply. ssh2 calls back when SSH's window has room for it, and never on a closed channel. */
  async #write(reply: Buffer): Promise<void> {
    while (this.#outbound.waiting > MAX_WAITING_BYTES && !this.#closed) await this.#change();
    if (this.#closed) return;
    let taken = false;
    this.#channel.write(reply, () => {
      taken = true;
      this.#notify();
    });
    while (!taken && !this.#closed) await this.#change();
    if (taken) this.#packets.give(reply); // ssh2 has copied it
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
