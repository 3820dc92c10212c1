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

/** A write. Of several entries with the same key only the last is written. */
type Entry = (tx: FleetWriter) => Promise<void>;

/** The most entries of one transaction: operators' commands wait for it. */
const MAX_BATCH = 500;

/** Errors of the whole store, not of one entry. */
const STORE_FAILURES: ReadonlySet<ErrorKind> = new Set(['no-space', 'locked', 'corrupt']);

interface Queued {
  readonly key: string;
  readonly entry: Entry;
  readonly done: ((error?: DeployError) => void) | undefined;
}

/**
 * Writes reports of hosts, many in one transaction: thousands of hosts that deploy at the same time must not queue thousands of
 * transactions before an operator's.
 */
export class FleetWriteQueue {
  readonly #meta: MetaStore;
  readonly #log: Logger;
  readonly #lazyMs: number;
  readonly #entries = new Map<string, Queued>();
  #urgent = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;

  /** @param lazyMs the longest wait of an entry of {@link later}. */
  constructor(meta: MetaStore, log: Logger, lazyMs: number) {
    this.#meta = meta;
    this.#log = log;
    this.#lazyMs = lazyMs;
  }

  /** Writes an entry soon. After a failure, which is logged, the entry is lost. */
  later(key: string, entry: Entry): void {
    const waiting = this.#entries.get(key);
    this.#enqueue({ key, entry, done: waiting?.done });
    this.#timer ??= setTimeout(() => void this.flush(), this.#lazyMs).unref();
  }

  /**
   * Resolves when the entry, or a later one with the same key, is committed.
   * @throws DeployError when the entry cannot be written.
   */
  write(key: string, entry: Entry): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#entries.get(key);
      const done = (error?: DeployError) => {
        waiting?.done?.(error);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#enqueue({ key, entry, done });
      void this.flush();
    });
  }

  /** Resolves when all present entries are written. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#urgent += 1;
    this.#flushing ??= this.#work();
    await this.#flushing;
  }

  /** Appends the entry, and removes an earlier one with its key: entries are written in the order of arrival. */
  #enqueue(queued: Queued): void {
    this.#entries.delete(queued.key);
    this.#entries.set(queued.key, queued);
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // the caller has to store the promise before it settles
    while (this.#urgent > 0) {
      this.#urgent = 0;
      while (this.#entries.size > 0) {
        // SQLite blocks the event loop: waiting input is read first.
        await setImmediate();
        await this.#writeBatch(this.#takeBatch());
      }
    }
    this.#flushing = undefined;
  }

  #takeBatch(): Queued[] {
    const batch: Queued[] = [];
    for (const [key, queued] of this.#entries) {
      if (batch.length === MAX_BATCH) break;
      batch.push(queued);
      this.#entries.delete(key);
    }
    return batch;
  }

  async #writeBatch(batch: readonly Queued[]): Promise<void> {
    try {
      await this.#meta.write(async (tx) => {
        for (const { entry } of batch) await entry(tx.fleet);
      });
      for (const { done } of batch) done?.();
    } catch (error) {
      const failure = toDeployError(error);
      // An entry that cannot be written must not fail the others.
      if (batch.length > 1 && !STORE_FAILURES.has(failure.kind)) {
        for (const queued of batch) await this.#writeBatch([queued]);
        return;
      }
      const facts = { what: batch[0]?.key, reports: batch.length, err: describeError(failure) };
      this.#log.error(facts, 'reports cannot be written');
      for (const { done } of batch) done?.(failure);
    }
  }
}
