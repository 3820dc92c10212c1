import { DeployError } from '../errors.js';

/** The longest command line that the registry accepts, in bytes. */
export const MAX_COMMAND_LINE = 64 * 1024;

/** Blank space, or the next part of a word: in single quotes, in double quotes, escaped, or plain. The last part may be unclosed. */
const PART = /[ \t\r\n]+|'([^']*)('?)|"((?:[^"\\]|\\[\s\S])*)("?)|\\([\s\S]?)|[^ \t\r\n'"\\]+/g;

/** A word of a command line. */
export interface LineWord {
  /** The word as it is written, with its quotes and backslashes. */
  readonly raw: string;
  /** The word as the command gets it. */
  readonly value: string;
}

/**
 * Splits a command line into words as a POSIX shell does (XCU 2.2): single and double quotes, backslash escapes;
 * nothing is expanded. The clients of the Go deploy-tools quote so: `addver -name="code" -version="v 1"`.
 * @throws DeployError usage when a quote is left open or the line is too long.
 */
export function splitCommandLine(line: string): string[] {
  if (Buffer.byteLength(line) > MAX_COMMAND_LINE) {
    throw new DeployError('usage', `command line is longer than ${MAX_COMMAND_LINE} bytes`);
  }
  const { words, isOpen } = readLine(line);
  if (isOpen) {
    throw new DeployError('usage', 'invalid command line string', {
      hint: 'a quote is not closed or a backslash ends the line',
    });
  }
  return words.filter(({ raw }) => raw !== '').map(({ value }) => value);
}

/**
 * Splits a line that is still being typed. The last word is the one under the cursor: it may lack its closing quote, and is empty
 * after a space.
 */
export function typedWords(line: string): readonly LineWord[] {
  return readLine(line).words;
}

function readLine(line: string): { readonly words: readonly LineWord[]; readonly isOpen: boolean } {
  const words: LineWord[] = [];
  let word: LineWord = { raw: '', value: '' };
  let isOpen = false;
  for (const part of line.matchAll(PART)) {
    const [raw, , single, , double, escaped] = part;
    if (/^[ \t\r\n]/.test(raw)) {
      if (word.raw !== '') words.push(word);
      word = { raw: '', value: '' };
    } else {
      word = { raw: word.raw + raw, value: word.value + unquote(part) };
      isOpen ||= single === '' || double === '' || escaped === '';
    }
  }
  return { words: [...words, word], isOpen };
}

function unquote([plain, single, , double, , escaped]: RegExpExecArray): string {
  if (single !== undefined) return single;
  if (double !== undefined)
    return double.replace(/\\([\\"$`\n])/g, (_, char) => (char === '\n' ? '' : String(char)));
  if (escaped !== undefined) return escaped === '\n' ? '' : escaped;
  return plain;
}

/** Joins words to a command line that {@link splitCommandLine}, a shell and the Go registry split into the same words. */
export function joinCommandLine(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/**
 * Quotes one word where necessary, as the Go clients do: in double quotes, with `"` and `\` escaped. Characters that a shell would
 * expand there are put into single quotes.
 */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_.,:/@%+=-]+$/.test(word)) return word;
  const parts = word.match(/[$`]+|[^$`]+/g) ?? [''];
  return parts
    .map((part) => (/^[$`]/.test(part) ? `'${part}'` : `"${part.replace(/(["\\])/g, '\\$1')}"`))
    .join('');
}
