/** A word of a line that is still being written. */
export interface LineWord {
  /** As it is written, quotes and backslashes included. */
  readonly raw: string;
  /** What it means. */
  readonly value: string;
}

/**
 * The words of an unfinished line, read as a command line is: quotes and backslashes count, and the last word may lack
 * its closing quote. The last word is the one that is being written; it is empty after a space.
 */
export function lineWords(line: string): LineWord[] {
  const words: LineWord[] = [];
  let raw = '';
  let value = '';
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? '';
    if (quote === '' && /\s/.test(char)) {
      if (raw !== '') words.push({ raw, value });
      raw = '';
      value = '';
      continue;
    }
    raw += char;
    if (char === '\\' && quote !== "'") {
      at += 1;
      raw += line[at] ?? '';
      value += line[at] ?? '';
    } else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
    else value += char;
  }
  words.push({ raw, value });
  return words;
}
