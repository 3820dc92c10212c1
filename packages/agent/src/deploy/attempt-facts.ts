import { LogTail } from '../process/script/log-tail.js';

/** Phases whose duration is reported. */
export type TimedPhase = 'fetch' | 'prepare' | 'activate' | 'validate' | 'rollback';

/** Characters that are kept of a veto's last line. */
const MAX_REASON = 500;

/** Facts of the attempt in flight that are reported and not worth a journal entry. */
export class AttemptFacts {
  readonly log = new LogTail();
  readonly #onProgress: () => void;
  #timings: Record<string, number> = {};
  #bytes = { fetched: 0, reused: 0 };
  #veto: string | undefined;
  #progress: { done: number; total: number } | undefined;
  #waiting: string | undefined;
  /** Answers of the checks that do not pass, by check; the one that has failed for longest comes first. */
  readonly #failing = new Map<string, string>();

  /** @param onProgress called often; the listener limits the rate. */
  constructor(onProgress: () => void = () => {}) {
    this.#onProgress = onProgress;
  }

  /** Milliseconds by phase. */
  get timings(): Readonly<Record<string, number>> {
    return this.#timings;
  }

  get bytes(): { readonly fetched: number; readonly reused: number } {
    return this.#bytes;
  }

  /** Bytes fetched of those to fetch. */
  get progress(): { readonly done: number; readonly total: number } | undefined {
    return this.#progress;
  }

  /** A check that does not pass while the release is proven, with its last answer; undefined when all pass. */
  get failing(): string | undefined {
    for (const [check, answer] of this.#failing) return `${check}: ${answer}`;
    return undefined;
  }

  /** What the attempt waits for, which another process has. */
  get waiting(): string | undefined {
    return this.#waiting;
  }

  /** @param what it waits for, as people read it; undefined when the wait is over. */
  waitsFor(what: string | undefined): void {
    if (what !== undefined) this.log.push(what);
    if (what === this.#waiting) return;
    this.#waiting = what;
    this.#onProgress();
  }

  /** Which hook or script vetoed the attempt last, and why. */
  get veto(): string | undefined {
    return this.#veto;
  }

  /** @param last line that it printed; undefined for none. */
  vetoed(what: string, last: string | undefined): void {
    const why = last === undefined ? 'it printed nothing' : last.slice(0, MAX_REASON);
    this.#veto = `the ${what} says not now: ${why}`;
  }

  /** @param answer of a check that did not pass; undefined when it did. */
  checked(check: string, answer: string | undefined): void {
    const before = this.failing;
    if (answer === undefined) this.#failing.delete(check);
    else this.#failing.set(check, answer);
    if (this.failing !== before) this.#onProgress();
  }

  /** Forgets what the checks answered, because no release is being proven any more. */
  forgetChecks(): void {
    this.#failing.clear();
  }

  /** Forgets everything, because another attempt begins. */
  clear(): void {
    this.log.clear();
    this.#timings = {};
    this.#bytes = { fetched: 0, reused: 0 };
    this.#progress = undefined;
    this.#veto = undefined;
    this.#waiting = undefined;
    this.forgetChecks();
  }

  /** @param fetch bytes that will be fetched. @param reused bytes that are here already. */
  expect(fetch: number, reused: number): void {
    this.#bytes = { ...this.#bytes, reused };
    this.#progress = { done: 0, total: fetch };
    this.#onProgress();
  }

  fetched(bytes: number): void {
    this.#bytes = { ...this.#bytes, fetched: this.#bytes.fetched + bytes };
    if (this.#progress === undefined) return;
    const { done, total } = this.#progress;
    this.#progress = { done: Math.min(total, done + bytes), total };
    this.#onProgress();
  }

  /** Runs a phase and notes how long it took, also when it failed. */
  async time<T>(phase: TimedPhase, act: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await act();
    } finally {
      this.#timings[phase] = Math.round((this.#timings[phase] ?? 0) + performance.now() - began);
    }
  }
}
