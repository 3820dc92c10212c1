import { MAX_LOG_BYTES, MAX_LOG_LINES } from '@deploy-tools/shared/report/log-tail.js';

/** The comma after a line in a list of JSON. */
const SEPARATOR = 1;

/**
 * The newest lines of a log, bounded in number and in bytes, by default as in a report. Bytes are those of JSON strings in UTF-8,
 * so that a log full of control characters still fits. The oldest lines are dropped; an overlong line keeps its beginning.
 */
export class LogTail {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  #lines: { readonly text: string; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor({ maxLines = MAX_LOG_LINES, maxBytes = MAX_LOG_BYTES } = {}) {
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

  /** The lines with their ends, as a hook's standard input. */
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

/** The longest beginning that fits, found by bisection. */
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
