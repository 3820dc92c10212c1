import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, jitteredMs } from '@deploy-tools/shared/backoff.js';
import {
  type DeployError,
  describeError,
  type ErrorKind,
  toDeployError,
} from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { DeliveryQueue, type Waiting } from './delivery-queue.js';
import { isDeployNotice, isLoud } from './notice.js';
import {
  type Message,
  type MessageStore,
  type Receiver,
  sendWithin,
  type WaitingMessage,
} from './receiver.js';

export interface DeliveryLimits {
  /** The most messages that may wait. */
  readonly queue: number;
  /** The longest time of one attempt, in milliseconds. */
  readonly attemptMs: number;
  /** The delay after the first failed attempt; it doubles with each. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** A message that could not be delivered for this long is dropped. */
  readonly giveUpMs: number;
  /** The number of results that are kept. */
  readonly log: number;
}

const DELIVERY_LIMITS: DeliveryLimits = {
  queue: 100,
  attemptMs: 30_000,
  pauseMs: 1000,
  longestPauseMs: 5 * 60_000,
  giveUpMs: 60 * 60_000,
  log: 50,
};

/** Attempts to run a program for one message. */
const MAX_SCRIPT_ATTEMPTS = 3;
/** Kinds of errors that another attempt would not change. */
const FINAL: ReadonlySet<ErrorKind> = new Set(['invalid', 'unsupported', 'too-large', 'usage']);

/** The result of a message. */
export interface DeliveryRecord {
  /** RFC 3339 UTC. */
  readonly time: string;
  readonly id: string;
  readonly event: string;
  readonly title: string;
  /** `refused` by the receiver; `dropped` because the queue was full, or because the message waited too long. */
  readonly result: 'delivered' | 'refused' | 'dropped';
  readonly attempts: number;
  readonly error?: string;
}

type Result = Pick<DeliveryRecord, 'result' | 'attempts' | 'error'>;

export interface DeliveryReport {
  readonly delivered: number;
  /** The number of refused and dropped messages. */
  readonly lost: number;
  readonly waiting: number;
  /** Why the last attempt failed; undefined when it succeeded. */
  readonly error: string | undefined;
  /** The newest results, oldest first. */
  readonly log: readonly DeliveryRecord[];
}

export interface DeliveryOptions {
  readonly clock: () => Date;
  readonly log: Logger;
  readonly limits?: Partial<DeliveryLimits>;
  /** Keeps waiting messages over a restart; without it they are in memory alone. */
  readonly store?: MessageStore;
}

/**
 * Delivers messages to one receiver, in order, one at a time. A failed attempt is repeated with growing delays. A caller never
 * waits: a receiver that is slow or dead costs the memory of its queue.
 */
export class Delivery {
  readonly #receiver: Receiver;
  readonly #clock: () => Date;
  readonly #log: Logger;
  readonly #limits: DeliveryLimits;
  readonly #queue: DeliveryQueue;
  readonly #store: MessageStore | undefined;
  readonly #records: DeliveryRecord[] = [];
  /** Aborted when the delivery closes: no delay is waited for, no message is taken. */
  readonly #closing = new AbortController();
  /** Aborted when the time for closing is over. */
  readonly #ending = new AbortController();
  #delivered = 0;
  #lost = 0;
  /** Lost messages that no delivered message has mentioned yet. */
  #unsaid = 0;
  #error: string | undefined;
  #working: Promise<void> | undefined;

  constructor(receiver: Receiver, { clock, log, limits = {}, store }: DeliveryOptions) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#log = log.child({ receiver: receiver.label });
    this.#limits = { ...DELIVERY_LIMITS, ...limits };
    this.#queue = new DeliveryQueue(this.#limits.queue);
    this.#store = store;
  }

  /** Queues a message, unless the receiver does not want it. Returns at once. */
  offer(message: Message): void {
    if (this.#closing.signal.aborted || !this.#isWanted(message)) return;
    const { waiting, dropped } = this.#queue.add(message, this.#clock().getTime());
    this.#store?.put(waiting);
    if (dropped !== undefined)
      this.#lose(dropped, { result: 'dropped', attempts: 0, error: 'too many messages wait' });
    this.#working ??= this.#work();
  }

  /** Queues the stored messages, oldest first. To be called before any message is offered. */
  resume(waiting: readonly WaitingMessage[]): void {
    for (const { message, since } of waiting) this.#queue.add(message, since);
    if (waiting.length > 0) this.#working ??= this.#work();
  }

  report(): DeliveryReport {
    return {
      delivered: this.#delivered,
      lost: this.#lost,
      waiting: this.#queue.size,
      error: this.#error,
      log: [...this.#records],
    };
  }

  /** Tries each waiting message once more, within this time. The rest stays in the store, or is lost; the log says which. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing.abort();
    const timer = setTimeout(() => this.#ending.abort(), Math.max(0, deadlineMs));
    await this.#working;
    clearTimeout(timer);
    const left = this.#queue.clear();
    const outcome = this.#store === undefined ? 'are lost' : 'wait for the next start';
    if (left > 0) this.#log.warn({ messages: left }, `messages that were not delivered ${outcome}`);
  }

  #isWanted({ notice }: Message): boolean {
    if (this.#receiver.quiet && !isLoud(notice)) return false;
    return this.#receiver.edits || !isDeployNotice(notice) || notice.edition !== 'progress';
  }

  async #work(): Promise<void> {
    for (let next = this.#queue.first(); next !== undefined; next = this.#queue.first()) {
      if (this.#ending.signal.aborted || !(await this.#deliver(next))) break;
    }
    this.#working = undefined;
  }

  /** @returns whether to continue with the next message. */
  async #deliver(waiting: Waiting): Promise<boolean> {
    waiting.attempts += 1;
    const isLastAttempt = this.#closing.signal.aborted;
    this.#queue.markBusy(waiting);
    const error = await this.#attempt(waiting.message);
    this.#queue.markBusy(undefined);
    if (error === undefined) {
      this.#queue.takeOut(waiting);
      this.#recordDelivered(waiting);
      return true;
    }
    if (this.#error === undefined)
      this.#log.warn({ err: describeError(error) }, 'a message was not delivered');
    this.#error = describeError(error);
    if (this.#isHopeless(waiting, error)) {
      this.#queue.takeOut(waiting);
      const { message, attempts } = waiting;
      const result = FINAL.has(error.kind) ? 'refused' : 'dropped';
      this.#lose(message, { result, attempts, error: this.#error });
      return true;
    }
    if (isLastAttempt) return false;
    const { pauseMs, longestPauseMs } = this.#limits;
    const backoff = backoffMs(waiting.attempts, { firstMs: pauseMs, maxMs: longestPauseMs });
    const ms = jitteredMs(backoff, Math.random(), error.retryAfterMs);
    await delay(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
    return true;
  }

  async #attempt(message: Message): Promise<DeployError | undefined> {
    const within = { ms: this.#limits.attemptMs, signal: this.#ending.signal };
    try {
      await sendWithin(this.#receiver, this.#withLosses(message), within);
      return undefined;
    } catch (error) {
      return toDeployError(error);
    }
  }

  /** Adds to a message how many messages before it were lost. */
  #withLosses(message: Message): Message {
    if (this.#unsaid === 0) return message;
    const lost = `(${this.#unsaid} ${this.#unsaid === 1 ? 'message' : 'messages'} before this could not be delivered)`;
    return { ...message, body: message.body === '' ? lost : `${message.body}\n${lost}` };
  }

  #isHopeless({ since, attempts }: Waiting, { kind }: DeployError): boolean {
    if (FINAL.has(kind) || (kind === 'script' && attempts >= MAX_SCRIPT_ATTEMPTS)) return true;
    return this.#clock().getTime() - since >= this.#limits.giveUpMs;
  }

  #recordDelivered({ message, attempts }: Waiting): void {
    if (this.#error !== undefined) this.#log.info('messages are delivered again');
    this.#error = undefined;
    this.#delivered += 1;
    this.#unsaid = 0;
    this.#record(message, { result: 'delivered', attempts });
    this.#log.debug({ id: message.id, event: message.notice.event, attempts }, 'message delivered');
  }

  #lose(message: Message, result: Result): void {
    this.#lost += 1;
    this.#unsaid += 1;
    this.#record(message, result);
    const { id, title } = message;
    this.#log.warn(
      { id, title, attempts: result.attempts, err: result.error },
      `a message was ${result.result}`,
    );
  }

  #record({ id, title, notice }: Message, result: Result): void {
    this.#store?.takeOut(id);
    const time = this.#clock().toISOString();
    this.#records.push({ time, id, event: notice.event, title, ...result });
    if (this.#records.length > this.#limits.log) this.#records.shift();
  }
}
