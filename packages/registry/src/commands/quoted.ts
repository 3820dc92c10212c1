/** A word always in quotes, as the original prints it in lines to be run again. */
export function quoted(word: string): string {
  return `"${word.replace(/(["\\])/g, '\\$1')}"`;
}
