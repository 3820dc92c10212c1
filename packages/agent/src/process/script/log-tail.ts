/** As the report protocol has them; see docs/release-life.md. */
const MAX_LINES = 200;
const MAX_BYTES = 32 * 1024;
/** A line's comma in a list of JSON. */
const SEPARATOR = 1;

/**
 * The newest lines of a log, bounded in number and in bytes. Bytes are counted as a report carries them: JSON strings in
 * UTF-8, so that a log full of control characters still fits. The oldest lines are dropped; a line that is longer
 * than all of the room keeps its beginning.
 */
export class LogTail {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  #lines: { readonly text: string; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor({ maxLines = MAX_LINES, maxBytes = MAX_BYTES } = {}) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
  }

  push(line: string): void {
    const text = cut(line, this.#maxBytes);
    const bytes = sizeOf(text);
    if (bytes > this.#maxBytes) return;
    this.#lines.push({ text, bytes });
    this.#bytes += bytes;
    while (this.#lines.length > this.#maxLines || this.#bytes > this.#maxBytes) {
      this.#bytes -= this.#lines.shift()?.bytes ?? 0;
    }
  }

  /** Oldest first. */
  lines(): readonly string[] {
    return this.#lines.map(({ text }) => text);
  }

  /** As standard input of a hook: each line with its end. */
  text(): string {
    return this.#lines.map(({ text }) => `${text}\n`).join('');
  }

  clear(): void {
    this.#lines = [];
    this.#bytes = 0;
  }
}

function sizeOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) + SEPARATOR;
}

/** The longest beginning that fits, by halves. */
function cut(line: string, maxBytes: number): string {
  if (sizeOf(line) <= maxBytes) return line;
  let [fits, tooLong] = [0, line.length];
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2);
    if (sizeOf(beginning(line, middle)) <= maxBytes) fits = middle;
    else tooLong = middle;
  }
  return beginning(line, fits);
}

/** Without half a character at its end. */
function beginning(line: string, length: number): string {
  return line.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}
