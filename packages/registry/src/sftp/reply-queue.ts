import type { PacketPool } from '@deploy-tools/shared/sftp/packet-pool.js';
import type { ServerChannel } from 'ssh2';
import type { Outbound } from './outbound.js';
import type { TransferCounter } from './sftp-files.js';

/** Bounds for one session. */
const MAX_REQUESTS = 256;
/** Of requests in work: what a client may send ahead while the disk is slow. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/**
 * Of replies that wait to be sent: two of the largest, so that one is read while the other is encrypted. More would
 * gain nothing, as the client's window takes in what is on its way, and hundreds of clients read at once.
 */
const MAX_REPLY_BYTES = 512 * 1024;
/** Of the connection, what may wait to leave before a reply does. */
const MAX_WAITING_BYTES = 256 * 1024;

/** What a request holds until its reply is sent. */
export interface Cost {
  /** Of the request itself. */
  readonly request: number;
  /** Of the data that it asks for. */
  readonly reply: number;
}

export interface ReplyQueueOptions {
  readonly outbound: Outbound;
  readonly transfers: TransferCounter;
  /** Gets back the memory of replies that were sent. */
  readonly packets: PacketPool;
}

/**
 * Sends replies in the order of their requests. `room` waits while too much is outstanding, which stops the reading
 * of requests and, with SSH's window, the client.
 */
export class ReplyQueue {
  readonly #channel: ServerChannel;
  readonly #outbound: Outbound;
  readonly #ignoreOutbound: () => void;
  /** A reply that is not sent yet is work that runs: the client of a shutdown's last CLOSE waits for it. */
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
   * Waits until a request of that cost may be taken on.
   * @returns false when no reply can be sent any more. @throws what made a reply fail to be made.
   */
  async room(cost: Cost): Promise<boolean> {
    while (!this.#closed && !this.#hasRoom(cost)) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
    return !this.#closed;
  }

  add(cost: Cost, reply: Promise<Buffer>): void {
    reply.catch(() => undefined); // met again when its turn comes
    this.#queue.push({ cost, reply });
    this.#requestBytes += cost.request;
    this.#replyBytes += cost.reply;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when everything added is sent. @throws what made a reply fail to be made. */
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

  /** ssh2 calls back when SSH's window took the reply; on a closed channel it never does. */
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
