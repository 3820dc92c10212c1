import { backoffMs, jitteredMs } from '@deploy-tools/shared/backoff.js';
import { DeployError, describeError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { DeliveryQueue, type Waiting } from './delivery-queue.js';
import { isDeployNotice, isLoud } from './notice.js';
import type { Message, MessageShelf, Receiver, WaitingMessage } from './receiver.js';

export interface DeliveryLimits {
  /** Messages that may wait. */
  readonly queue: number;
  /** How long one attempt may take, in milliseconds. */
  readonly attemptMs: number;
  /** The pause after the first failed attempt; it doubles with each. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** A message that could not be delivered for so long is dropped. */
  readonly giveUpMs: number;
  /** How many lines of the log are kept. */
  readonly log: number;
}

export const DELIVERY_LIMITS: DeliveryLimits = {
  queue: 100,
  attemptMs: 30_000,
  pauseMs: 1000,
  longestPauseMs: 5 * 60_000,
  giveUpMs: 60 * 60_000,
  log: 50,
};

/** A program that fails is not run for ever. */
const SCRIPT_ATTEMPTS = 3;
/** What another attempt would not change. */
const FINAL: ReadonlySet<ErrorKind> = new Set(['invalid', 'unsupported', 'too-large', 'usage']);

/** How a message fared. */
/** How a message was lost. */
interface Lost {
  readonly result: 'refused' | 'dropped';
  readonly attempts: number;
  readonly error: string;
}

export interface DeliveryRecord {
  /** RFC 3339 UTC. */
  readonly time: string;
  readonly id: string;
  readonly event: string;
  readonly title: string;
  /** `dropped`: there was no room for it, or it waited too long. */
  readonly result: 'delivered' | 'refused' | 'dropped';
  readonly attempts: number;
  readonly error?: string;
}

export interface DeliveryReport {
  readonly delivered: number;
  /** Refused and dropped. */
  readonly lost: number;
  readonly waiting: number;
  /** Why the last attempt failed; undefined when it did not. */
  readonly error: string | undefined;
  /** The newest, oldest first. */
  readonly log: readonly DeliveryRecord[];
}

export interface DeliveryOptions {
  readonly clock: () => Date;
  readonly log: Logger;
  readonly limits?: Partial<DeliveryLimits>;
  /** In memory alone without. */
  readonly shelf?: MessageShelf;
}

/**
 * Brings messages to one receiver: in order, one at a time, again and again with growing pauses. Whoever offers a
 * message never waits; a receiver that is slow or dead costs the memory of its queue.
 */
export class Delivery {
  readonly #receiver: Receiver;
  readonly #clock: () => Date;
  readonly #log: Logger;
  readonly #limits: DeliveryLimits;
  readonly #queue: DeliveryQueue;
  readonly #shelf: MessageShelf | undefined;
  readonly #records: DeliveryRecord[] = [];
  readonly #ending = new AbortController();
  #delivered = 0;
  #lost = 0;
  /** Lost since the last message that arrived, to be said in the next. */
  #unsaid = 0;
  #error: string | undefined;
  #closing = false;
  #working: Promise<void> | undefined;
  #wake = () => {};

  constructor(receiver: Receiver, { clock, log, limits = {}, shelf }: DeliveryOptions) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#log = log.child({ receiver: receiver.label });
    this.#limits = { ...DELIVERY_LIMITS, ...limits };
    this.#queue = new DeliveryQueue(this.#limits.queue);
    this.#shelf = shelf;
  }

  /** Returns at once. What the receiver has no use for is left out. */
  offer(message: Message): void {
    if (this.#closing || !this.#wants(message)) return;
    const { waiting, dropped } = this.#queue.add(message, this.#clock().getTime());
    this.#shelf?.put(waiting);
    if (dropped !== undefined)
      this.#lose(dropped, { result: 'dropped', attempts: 0, error: 'too many messages wait' });
    this.#working ??= this.#work();
  }

  /** What lay on the shelf when the program was started, oldest first: goes on with it. Before anything is offered. */
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

  /** Tries what waits once more, within this time. The rest stays on the shelf, or is lost; the log says which. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    this.#wake();
    const timer = setTimeout(() => this.#ending.abort(), Math.max(0, deadlineMs));
    await this.#working;
    clearTimeout(timer);
    const left = this.#queue.clear();
    const what = this.#shelf === undefined ? 'are lost' : 'wait for the next start';
    if (left > 0) this.#log.warn({ messages: left }, `messages that were not delivered ${what}`);
  }

  #wants({ notice }: Message): boolean {
    if (this.#receiver.quiet && !isLoud(notice)) return false;
    return this.#receiver.edits || !isDeployNotice(notice) || notice.edition !== 'progress';
  }

  async #work(): Promise<void> {
    for (let next = this.#queue.first(); next !== undefined; next = this.#queue.first()) {
      if (this.#ending.signal.aborted || !(await this.#bring(next))) break;
    }
    this.#working = undefined;
  }

  /** @returns whether to go on with the next. */
  async #bring(waiting: Waiting): Promise<boolean> {
    waiting.attempts += 1;
    const isLastTry = this.#closing;
    this.#queue.busy(waiting);
    const error = await this.#attempt(waiting.message);
    this.#queue.busy(undefined);
    if (error === undefined) {
      this.#queue.takeOut(waiting);
      this.#arrived(waiting);
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
    if (isLastTry) return false;
    await this.#pause(waiting.attempts, error.retryAfterMs);
    return true;
  }

  async #attempt(message: Message): Promise<DeployError | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(tookTooLong()), this.#limits.attemptMs);
    const signal = AbortSignal.any([late.signal, this.#ending.signal]);
    let stop = () => {};
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(toDeployError(signal.reason));
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      // Not only by its promise: a receiver that does not heed its signal must not hold the others up.
      await Promise.race([this.#receiver.send(this.#withLosses(message), signal), aborted]);
      return undefined;
    } catch (error) {
      return toDeployError(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Says how many messages are missing before this one. */
  #withLosses(message: Message): Message {
    if (this.#unsaid === 0) return message;
    const lost = `(${this.#unsaid} ${this.#unsaid === 1 ? 'message' : 'messages'} before this could not be delivered)`;
    return { ...message, body: message.body === '' ? lost : `${message.body}\n${lost}` };
  }

  #isHopeless({ since, attempts }: Waiting, { kind }: DeployError): boolean {
    if (FINAL.has(kind) || (kind === 'script' && attempts >= SCRIPT_ATTEMPTS)) return true;
    return this.#clock().getTime() - since >= this.#limits.giveUpMs;
  }

  #arrived({ message, attempts }: Waiting): void {
    if (this.#error !== undefined) this.#log.info('messages are delivered again');
    this.#error = undefined;
    this.#delivered += 1;
    this.#unsaid = 0;
    this.#shelf?.takeOut(message.id);
    this.#note(message, { result: 'delivered', attempts });
    this.#log.debug({ id: message.id, event: message.notice.event, attempts }, 'message delivered');
  }

  #lose(message: Message, how: Lost): void {
    const { result, attempts, error } = how;
    this.#lost += 1;
    this.#unsaid += 1;
    this.#shelf?.takeOut(message.id);
    this.#note(message, how);
    const { id, title } = message;
    this.#log.warn({ id, title, attempts, err: error }, `a message was ${result}`);
  }

  #note({ id, title, notice }: Message, how: Pick<DeliveryRecord, 'result' | 'attempts' | 'error'>): void {
    const time = this.#clock().toISOString();
    this.#records.push({ time, id, event: notice.event, title, ...how });
    if (this.#records.length > this.#limits.log) this.#records.shift();
  }

  async #pause(attempts: number, askedMs: number | undefined): Promise<void> {
    const { pauseMs, longestPauseMs } = this.#limits;
    const grown = backoffMs(attempts, { firstMs: pauseMs, maxMs: longestPauseMs });
    const ms = jitteredMs(grown, Math.random(), askedMs);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#closing) this.#wake();
    });
    this.#wake = () => {};
  }
}

function tookTooLong(): DeployError {
  return new DeployError('timeout', 'the receiver took too long');
}
