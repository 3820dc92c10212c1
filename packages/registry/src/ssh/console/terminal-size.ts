/** The size of a peer's terminal. */
export class TerminalSize {
  /** Whether the peer has a terminal. */
  given = false;
  columns = 80;
  rows = 24;
  readonly #listeners: (() => void)[] = [];

  /** Sets the size; 0, which some clients send for "unknown", changes nothing. */
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
