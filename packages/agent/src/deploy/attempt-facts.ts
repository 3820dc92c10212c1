import { LogTail } from '../process/script/log-tail.js';

/** Phases whose duration is reported. */
type TimedPhase = 'fetch' | 'prepare' | 'activate' | 'validate' | 'rollback';

/** Characters that are kept of a veto's last line. */
const MAX_REASON = 500;

/** Facts of the attempt in flight that are reported, but not in the journal. Its methods alone change them. */
export class AttemptFacts {
  readonly log = new LogTail();
  /** Milliseconds by phase. */
  timings: Readonly<Partial<Record<TimedPhase, number>>> = {};
  bytes = { fetched: 0, reused: 0 };
  /** Of the download, in bytes. */
  progress: { readonly done: number; readonly total: number } | undefined;
  /** The last veto: which hook or script, and why. */
  veto: string | undefined;
  /** Says which process the attempt waits for. */
  waiting: string | undefined;
  readonly #onProgress: () => void;
  /** Answers of the failing checks, by check; the check that has failed for longest comes first. */
  readonly #failing = new Map<string, string>();

  /** @param onProgress called often; the listener limits the rate. */
  constructor(onProgress: () => void = () => {}) {
    this.#onProgress = onProgress;
  }

  /** A failing check of the release that is being proven, with its last answer; undefined when all pass. */
  get failing(): string | undefined {
    for (const [check, answer] of this.#failing) return `${check}: ${answer}`;
    return undefined;
  }

  /** @param what says what the attempt waits for, for people to read; undefined when the wait is over. */
  waitsFor(what: string | undefined): void {
    if (what !== undefined) this.log.push(what);
    if (what === this.waiting) return;
    this.waiting = what;
    this.#onProgress();
  }

  /** @param last line that the hook or script printed; undefined for none. */
  vetoed(what: string, last: string | undefined): void {
    const why = last === undefined ? 'it printed nothing' : last.slice(0, MAX_REASON);
    this.veto = `the ${what} says not now: ${why}`;
  }

  /** @param answer of a check that failed; undefined when it passed. */
  checked(check: string, answer: string | undefined): void {
    const before = this.failing;
    if (answer === undefined) this.#failing.delete(check);
    else this.#failing.set(check, answer);
    if (this.failing !== before) this.#onProgress();
  }

  /** Forgets the checks' answers: the proof has ended. */
  forgetChecks(): void {
    this.#failing.clear();
  }

  /** Forgets the previous attempt. */
  clear(): void {
    this.log.clear();
    this.timings = {};
    this.bytes = { fetched: 0, reused: 0 };
    this.progress = undefined;
    this.veto = undefined;
    this.waiting = undefined;
    this.forgetChecks();
  }

  /** @param fetch bytes to fetch. @param reused bytes that are on this host already. */
  expect(fetch: number, reused: number): void {
    this.bytes = { ...this.bytes, reused };
    this.progress = { done: 0, total: fetch };
    this.#onProgress();
  }

  fetched(bytes: number): void {
    this.bytes = { ...this.bytes, fetched: this.bytes.fetched + bytes };
    if (this.progress === undefined) return;
    const { done, total } = this.progress;
    this.progress = { done: Math.min(total, done + bytes), total };
    this.#onProgress();
  }

  /** Runs a phase and adds its duration, also when it fails. */
  async time<T>(phase: TimedPhase, act: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await act();
    } finally {
      const ms = Math.round((this.timings[phase] ?? 0) + performance.now() - began);
      this.timings = { ...this.timings, [phase]: ms };
    }
  }
}
