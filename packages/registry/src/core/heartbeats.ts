/** Parts of a period: the members are spread over them, so that thousands of watchers are not written to at once. */
const TURNS = 20;

/** Calls every member once in a period, on one timer for all, which runs only while there are members. */
export class Heartbeats {
  readonly #periodMs: number;
  readonly #turns: readonly Set<() => void>[] = Array.from({ length: TURNS }, () => new Set());
  #joined = 0;
  #members = 0;
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** @param beat must not throw, and returns soon. @returns to be called, once, to leave. */
  join(beat: () => void): () => void {
    const members = this.#turns[this.#joined % TURNS];
    members?.add(beat);
    this.#joined += 1;
    this.#members += 1;
    this.#timer ??= setInterval(() => this.#tick(), Math.max(1, this.#periodMs / TURNS)).unref();
    return () => {
      if (members?.delete(beat) !== true) return;
      this.#members -= 1;
      if (this.#members > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #tick(): void {
    this.#turn = (this.#turn + 1) % TURNS;
    for (const beat of this.#turns[this.#turn] ?? []) beat();
  }
}
