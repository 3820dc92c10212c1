/**
 * Makes text safe for a terminal: control characters other than newline and tab, and characters that reorder text,
 * are shown as `\x1b` or `\u202e`. Text from one operator's command line may be shown on another's terminal.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (char) => {
    if (char === '\n' || char === '\t') return char;
    const code = char.codePointAt(0) ?? 0;
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** A value as indented JSON that is as safe, and reads back as it was: such characters become `\\u` escapes. */
export function printableJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replace(/[\p{Cc}\p{Cf}]/gu, escapeUnits)}\n`;
}

/** The same on one line. */
export function printableJsonLine(value: unknown): string {
  return `${JSON.stringify(value).replace(/[\p{Cc}\p{Cf}]/gu, escapeUnits)}\n`;
}

/** Newlines are the indentation's: those of the values are escaped already. */
function escapeUnits(char: string): string {
  if (char === '\n') return char;
  return Array.from(
    { length: char.length },
    (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}
