/** Control characters, characters that reorder or hide text, and line and paragraph separators. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Characters of a stranger's text in the log. */
const EXCERPT_LENGTH = 200;

/**
 * Makes text safe for a terminal: control characters except newline and tab, and characters that reorder text, are shown as
 * `\x1b` or `\u202e`. The text of one operator may be shown on the terminal of another.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => (char === '\n' || char === '\t' ? char : shown(char)));
}

/** Makes text safe for one line or a cell of a table: newline and tab are shown as `\n` and `\t` too. */
export function printableLine(text: string): string {
  return text.replace(UNSAFE, (char) => (char === '\n' ? '\\n' : char === '\t' ? '\\t' : shown(char)));
}

/** Makes JSON text safe for a terminal by `\u` escapes; it still decodes to the same value. */
export function printableJsonText(json: string): string {
  // A newline is part of the layout: JSON escapes newlines in values.
  return json.replace(UNSAFE, (char) => (char === '\n' ? char : escapedUnits(char)));
}

/** The beginning of a stranger's text, for the log. */
export function excerpt(text: string): string {
  if (text.length <= EXCERPT_LENGTH) return text;
  const beginning = text.slice(0, EXCERPT_LENGTH).replace(/[\uD800-\uDBFF]$/, ''); // half of a character
  return `${beginning}… (${text.length} characters)`;
}

function shown(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

function escapedUnits(char: string): string {
  return Array.from(
    { length: char.length },
    (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}
