const ESC = '\x1b';
/** A control sequence at the beginning, or any other escape of two characters. */
const SEQUENCE = new RegExp(`^${ESC}(?:\\[([0-9;?]*)([@-~])|[^[])`);

/** What a terminal shows: as much of ECMA-48 as line editors use. Scrolls without end, so rows only grow. */
export class Screen {
  #columns: number;
  readonly #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  #rest = '';

  constructor(columns: number) {
    this.#columns = columns;
  }

  resize(columns: number): void {
    this.#columns = columns;
  }

  /** Rows from the top, without trailing spaces. */
  get rows(): string[] {
    return this.#rows.map((row) =>
      Array.from(row, (cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    );
  }

  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row, column: this.#column };
  }

  write(text: string): void {
    const input = this.#rest + text;
    this.#rest = '';
    for (let at = 0; at < input.length; ) {
      const sequence = SEQUENCE.exec(input.slice(at));
      if (sequence !== null) {
        this.#control(sequence[1] ?? '', sequence[2] ?? '');
        at += sequence[0].length;
      } else if (input[at] === ESC) {
        this.#rest = input.slice(at);
        return;
      } else {
        const char = String.fromCodePoint(input.codePointAt(at) ?? 0);
        this.#put(char);
        at += char.length;
      }
    }
  }

  #control(parameters: string, final: string): void {
    const count = Number(parameters.split(';')[0]) || 1;
    const row = this.#rows[this.#row] ?? [];
    if (final === 'A') this.#row = Math.max(0, this.#row - count);
    else if (final === 'B') this.#down(count);
    else if (final === 'C') this.#column = Math.min(this.#columns - 1, this.#column + count);
    else if (final === 'D') this.#column = Math.max(0, this.#column - count);
    else if (final === 'G') this.#column = count - 1;
    else if (final === 'K' && Number(parameters) === 0) row.length = Math.min(row.length, this.#column);
    else if (final === 'K') row.length = 0;
    else if (final === 'J') {
      row.length = Math.min(row.length, this.#column);
      this.#rows.length = this.#row + 1;
    }
  }

  #put(char: string): void {
    if (char === '\r') this.#column = 0;
    else if (char === '\n') this.#down(1);
    else if (char === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (char >= ' ') this.#print(char);
  }

  #print(char: string): void {
    const width = widthOf(char);
    if (width === 0) {
      const row = this.#rows[this.#row] ?? [];
      row[this.#column - 1] = `${row[this.#column - 1] ?? ''}${char}`;
      return;
    }
    if (this.#column + width > this.#columns) {
      this.#column = 0;
      this.#down(1);
    }
    const row = this.#rows[this.#row] ?? [];
    row[this.#column] = char;
    if (width === 2) row[this.#column + 1] = ''; // the second half of a wide character
    this.#column += width;
  }

  #down(count: number): void {
    this.#row += count;
    while (this.#rows.length <= this.#row) this.#rows.push([]);
  }
}

function widthOf(char: string): 0 | 1 | 2 {
  if (/\p{Mn}/u.test(char)) return 0;
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u.test(
    char,
  )
    ? 2
    : 1;
}
