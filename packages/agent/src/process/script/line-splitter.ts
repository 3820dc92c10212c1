import { StringDecoder } from 'node:string_decoder';

/** The longest line in UTF-16 code units; a longer one is given out in pieces. */
const MAX_LINE = 8192;

/**
 * Cuts a byte stream into lines of text without their ends (LF or CR LF), however the bytes arrive. Holds at most one incomplete
 * line of bounded length.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #pending = '';
  /** Whether pieces of the pending line were given out already. */
  #continued = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    this.#take(this.#decoder.write(chunk));
  }

  /** Gives out the rest, which has no newline. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#pending !== '') this.#endLine();
  }

  #take(text: string): void {
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      this.#extend(text.slice(from, at));
      this.#endLine();
      from = at + 1;
    }
    this.#extend(text.slice(from));
  }

  #extend(text: string): void {
    this.#pending += text;
    while (this.#pending.length > MAX_LINE) {
      const end = isHighSurrogate(this.#pending.charCodeAt(MAX_LINE - 1)) ? MAX_LINE - 1 : MAX_LINE;
      this.#onLine(this.#pending.slice(0, end));
      this.#pending = this.#pending.slice(end);
      this.#continued = true;
    }
  }

  #endLine(): void {
    const line = this.#pending.replace(/\r$/, '');
    if (line !== '' || !this.#continued) this.#onLine(line);
    this.#pending = '';
    this.#continued = false;
  }
}

/** Whether a code unit is the first half of a character beyond U+FFFF. */
function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
