import { split } from 'shlex';
import { DeployError } from '../errors.js';

/** The longest command line that the registry reads, in bytes. */
export const MAX_COMMAND_LINE = 64 * 1024;

/**
 * Splits a command line into words as a POSIX shell does: single and double quotes, backslash escapes; nothing is
 * expanded. This is how the original clients quote: `addver -name="code" -version="v 1"`.
 * @throws DeployError usage when a quote is left open or the line is too long.
 */
export function splitCommandLine(line: string): string[] {
  if (Buffer.byteLength(line) > MAX_COMMAND_LINE) {
    throw new DeployError('usage', `command line is longer than ${MAX_COMMAND_LINE} bytes`);
  }
  try {
    return split(line);
  } catch (error) {
    throw new DeployError('usage', 'invalid command line string', {
      hint: 'a quote is not closed or a backslash ends the line',
      cause: error,
    });
  }
}

/** Writes words so that {@link splitCommandLine}, a shell and the original registry read them back. */
export function joinCommandLine(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/** Quotes one word where it needs it, as the original clients do: in double quotes, `"` and `\` escaped. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_.,:/@%+=-]+$/.test(word)) return word;
  return `"${word.replace(/(["\\])/g, '\\$1')}"`;
}
