/** The most mistakes between a written word and the word that it may mean. */
const MAX_MISTAKES = 2;

/**
 * Finds the known word that a mistyped word may mean: the one with the fewest missing, superfluous, wrong or swapped letters
 * (restricted Damerau–Levenshtein distance).
 * @returns undefined when no word is near: within two mistakes, and fewer than half of the letters.
 */
export function closestWord(written: string, known: Iterable<string>): string | undefined {
  let closest: { readonly word: string; readonly mistakes: number } | undefined;
  for (const word of known) {
    const mistakes = mistakesBetween(written, word);
    const isNear = mistakes <= MAX_MISTAKES && mistakes * 2 < word.length;
    if (isNear && mistakes < (closest?.mistakes ?? Number.POSITIVE_INFINITY)) closest = { word, mistakes };
  }
  return closest?.word;
}

function mistakesBetween(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > MAX_MISTAKES) return Number.POSITIVE_INFINITY;
  let beforeLast: readonly number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const replaced = at(last, column - 1) + (isSame ? 0 : 1);
      const swapped = isSwapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swapped, at(last, column) + 1, at(next, column - 1) + 1));
    }
    beforeLast = last;
    last = next;
  }
  return at(last, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
