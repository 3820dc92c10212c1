/** Bounds on the kept end of an attempt's log. */
export const MAX_LOG_LINES = 200;
export const MAX_LOG_BYTES = 32 * 1024;

/** At most MAX_LOG_LINES lines of together at most MAX_LOG_BYTES of UTF-8, newlines counted. */
export type LogTail = readonly string[];

/** Returns the last lines within the bounds. A text with newlines counts as several lines. */
export function logTail(lines: readonly string[]): LogTail {
  const tail: string[] = [];
  let bytes = 0;
  for (const line of lines.flatMap((text) => text.split(/\r\n|\n|\r/)).reverse()) {
    bytes += Buffer.byteLength(line) + 1;
    if (tail.length === MAX_LOG_LINES || bytes > MAX_LOG_BYTES) break;
    tail.push(line);
  }
  return tail.reverse();
}
