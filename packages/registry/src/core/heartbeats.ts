/** Parts of a period. The members are spread over them, so that thousands of watchers do not get a write at once. */
const TURNS = 20;

/** Calls each member once in a period, with one timer for all, which runs only while there are members. */
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

  /** @param beat must not throw, and returns soon. @returns a function that ends the membership. */
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
