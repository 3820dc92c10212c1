import { LogTail } from '../process/script/log-tail.js';

/** Phases whose time is told. */
export type TimedPhase = 'fetch' | 'prepare' | 'activate' | 'validate' | 'rollback';

/** What is kept of a veto's last line, in characters. */
const MAX_REASON = 500;

/** What is known of the attempt in flight and is not worth a journal: gathered on the way, told with its reports. */
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

  /** @param onProgress called often; whoever listens limits the rate. */
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

  /** What the attempt cannot go on without, which somebody else has. */
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

  /** Which hook or script said not now last, and why. */
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

  /** Nothing is proven any more. */
  forgetChecks(): void {
    this.#failing.clear();
  }

  /** Another attempt begins. */
  clear(): void {
    this.log.clear();
    this.#timings = {};
    this.#bytes = { fetched: 0, reused: 0 };
    this.#progress = undefined;
    this.#veto = undefined;
    this.#waiting = undefined;
    this.forgetChecks();
  }

  /** So many bytes will come over the wire, and so many are here already. */
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

  /** Does something and notes how long it took, also when it failed. */
  async time<T>(phase: TimedPhase, act: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await act();
    } finally {
      this.#timings[phase] = Math.round((this.#timings[phase] ?? 0) + performance.now() - began);
    }
  }
}
