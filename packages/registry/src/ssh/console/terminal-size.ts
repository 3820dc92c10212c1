/** The size of a peer's terminal, as the peer reports it. */
export class TerminalSize {
  /** Whether the peer asked for a terminal at all. */
  given = false;
  columns = 80;
  rows = 24;
  readonly #listeners: (() => void)[] = [];

  /** Some clients send 0 for "unknown": then it stays as it was. */
  set(columns: number, rows: number): void {
    this.given = true;
    if (columns > 0) this.columns = columns;
    if (rows > 0) this.rows = rows;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
