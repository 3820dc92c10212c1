import type { DeployError } from '@deploy-tools/shared/errors.js';

/** How soon a result is needed: `awaited` by a command, likely to be awaited `soon`, or at any time. */
export type Urgency = 'awaited' | 'soon' | 'idle';

const ORDER: readonly Urgency[] = ['awaited', 'soon', 'idle'];

interface Job<T> {
  readonly key: string;
  readonly controller: AbortController;
  readonly promise: Promise<T>;
  readonly settle: (outcome: Promise<T>) => void;
  urgency: Urgency;
}

export interface SharedJobsOptions<T> {
  /** Jobs that may run at the same time. */
  readonly slots: number;
  readonly work: (key: string, signal: AbortSignal) => Promise<T>;
  /** Makes the error of a job that was ended early. */
  readonly cancelled: () => DeployError;
}

/**
 * Runs at most one job for each key: callers that ask for the same key share its result. More urgent jobs run first, equally
 * urgent ones in the order of arrival; at most one idle job runs.
 */
export class SharedJobs<T> {
  readonly #options: SharedJobsOptions<T>;
  /** Jobs that can be shared, in the order of arrival. An ended job is removed here, but may still run. */
  readonly #jobs = new Map<string, Job<T>>();
  readonly #running = new Set<Job<T>>();
  #stopped = false;

  constructor(options: SharedJobsOptions<T>) {
    this.#options = options;
  }

  /** @throws the error of the job; that of `cancelled` when the job was ended. */
  run(key: string, urgency: Urgency): Promise<T> {
    if (this.#stopped) return Promise.reject(this.#options.cancelled());
    const job = this.#jobs.get(key) ?? this.#add(key, urgency);
    if (ORDER.indexOf(urgency) < ORDER.indexOf(job.urgency)) job.urgency = urgency;
    this.#next();
    return job.promise;
  }

  isAwaited(key: string): boolean {
    return this.#jobs.get(key)?.urgency === 'awaited';
  }

  /** Ends a job, unless a command waits for it. */
  drop(key: string): void {
    const job = this.#jobs.get(key);
    if (job !== undefined && job.urgency !== 'awaited') this.#end(job);
  }

  /** Ends a job, even when a command waits for it. */
  cancel(key: string): void {
    const job = this.#jobs.get(key);
    if (job !== undefined) this.#end(job);
  }

  /** Ends all jobs; resolves when none runs. Later jobs are rejected. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) this.#end(job);
    await Promise.allSettled([...this.#running].map(({ promise }) => promise));
  }

  #add(key: string, urgency: Urgency): Job<T> {
    let settle: Job<T>['settle'] = () => {};
    const promise = new Promise<T>((resolve) => {
      settle = resolve;
    });
    promise.catch(() => undefined); // no caller may be waiting
    const job: Job<T> = { key, controller: new AbortController(), promise, settle, urgency };
    this.#jobs.set(key, job);
    return job;
  }

  #next(): void {
    while (this.#running.size < this.#options.slots) {
      const job = this.#mostUrgent();
      if (job === undefined) return;
      this.#start(job);
    }
  }

  #mostUrgent(): Job<T> | undefined {
    const idle = [...this.#running].some((job) => job.urgency === 'idle');
    for (const urgency of idle ? ORDER.slice(0, -1) : ORDER) {
      for (const job of this.#jobs.values()) {
        if (job.urgency === urgency && !this.#running.has(job)) return job;
      }
    }
    return undefined;
  }

  #start(job: Job<T>): void {
    this.#running.add(job);
    const outcome = this.#options.work(job.key, job.controller.signal).finally(() => {
      this.#running.delete(job);
      this.#forget(job);
      this.#next();
    });
    job.settle(outcome);
  }

  #end(job: Job<T>): void {
    job.controller.abort();
    this.#forget(job);
    if (!this.#running.has(job)) job.settle(Promise.reject(this.#options.cancelled()));
  }

  #forget(job: Job<T>): void {
    if (this.#jobs.get(job.key) === job) this.#jobs.delete(job.key);
  }
}
