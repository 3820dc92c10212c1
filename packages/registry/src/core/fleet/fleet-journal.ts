import { setImmediate } from 'node:timers/promises';
import {
  type DeployError,
  describeError,
  type ErrorKind,
  toDeployError,
} from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { FleetWriter } from '../../meta/fleet-store.js';
import type { MetaStore } from '../../meta/meta-store.js';

/** One thing to write. Of several with one key only the last is. */
export type Entry = (tx: FleetWriter) => Promise<void>;

/** The most that one transaction writes: operators' commands wait for it. */
const MAX_BATCH = 500;

/** What is wrong with the whole store. */
const NOTHING_GOES: ReadonlySet<ErrorKind> = new Set(['no-space', 'locked', 'corrupt']);

interface Queued {
  readonly key: string;
  readonly entry: Entry;
  readonly done: ((error?: DeployError) => void) | undefined;
}

/**
 * Writes down what hosts report, many things in one transaction: thousands of hosts that deploy at the same time must
 * not queue thousands of transactions before an operator's.
 */
export class FleetJournal {
  readonly #meta: MetaStore;
  readonly #log: Logger;
  readonly #lazyMs: number;
  readonly #queue = new Map<string, Queued>();
  #urgent = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;

  /** @param lazyMs how long what is not urgent may wait. */
  constructor(meta: MetaStore, log: Logger, lazyMs: number) {
    this.#meta = meta;
    this.#log = log;
    this.#lazyMs = lazyMs;
  }

  /** Written soon; what fails is logged, and lost. */
  later(key: string, entry: Entry): void {
    const waiting = this.#queue.get(key);
    this.#enqueue({ key, entry, done: waiting?.done });
    this.#timer ??= setTimeout(() => void this.flush(), this.#lazyMs).unref();
  }

  /**
   * Resolves when it is committed, or something later with the same key.
   * @throws DeployError when it cannot be.
   */
  write(key: string, entry: Entry): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#queue.get(key);
      const done = (error?: DeployError) => {
        waiting?.done?.(error);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#enqueue({ key, entry, done });
      void this.flush();
    });
  }

  /** Resolves when everything is written that was given in so far. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#urgent += 1;
    this.#flushing ??= this.#work();
    await this.#flushing;
  }

  /** Behind all others: what came in later is written later, also where something earlier had its key. */
  #enqueue(queued: Queued): void {
    this.#queue.delete(queued.key);
    this.#queue.set(queued.key, queued);
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // until the caller has kept the promise: with an empty queue all of this is done at once
    while (this.#urgent > 0) {
      this.#urgent = 0;
      while (this.#queue.size > 0) {
        // SQLite works without giving others their turn: whatever came in meanwhile is read first.
        await setImmediate();
        await this.#writeBatch(this.#takeBatch());
      }
    }
    this.#flushing = undefined;
  }

  #takeBatch(): Queued[] {
    const batch: Queued[] = [];
    for (const [key, queued] of this.#queue) {
      if (batch.length === MAX_BATCH) break;
      batch.push(queued);
      this.#queue.delete(key);
    }
    return batch;
  }

  async #writeBatch(batch: readonly Queued[]): Promise<void> {
    try {
      await this.#commit(batch);
      for (const { done } of batch) done?.();
    } catch (error) {
      const failure = toDeployError(error);
      // One that cannot be written must not take the others along.
      if (batch.length > 1 && !NOTHING_GOES.has(failure.kind)) return this.#writeEach(batch);
      this.#log.error(
        { what: batch[0]?.key, reports: batch.length, err: describeError(failure) },
        'reports cannot be written',
      );
      for (const { done } of batch) done?.(failure);
    }
  }

  async #writeEach(batch: readonly Queued[]): Promise<void> {
    for (const queued of batch) await this.#writeBatch([queued]);
  }

  #commit(batch: readonly Queued[]): Promise<void> {
    return this.#meta.write(async (tx) => {
      for (const { entry } of batch) await entry(tx.fleet);
    });
  }
}
