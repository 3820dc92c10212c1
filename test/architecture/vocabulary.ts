/** A way of saying something that is not the field's, and what is said instead (docs/glossary.md). */
export interface Wording {
  /** Of prose and of names: `goes back` is also found in `goesBack`. */
  readonly not: RegExp;
  readonly but: string;
}

export const WORDINGS: readonly Wording[] = [
  { not: /\bg(?:o|oes|oing|one)[ -]?back\b|\bwent back\b/i, but: 'roll back, rolled back, rollback' },
  { not: /\bway[ -]?back\b/i, but: 'rollback' },
  { not: /\bwithdr(?:aw|ew|aws|awing)\b/i, but: 'roll back; yank; remove' },
  // The keys `told` and `toldAt` of stored and printed JSON stay, as does the label `told` that operators see.
  {
    not: /(?<!')\btold\b(?![:']| At\b)|\btells? of\b|\bhas a word for\b/i,
    but: 'notify, announce, report, contain',
  },
  { not: /\blook(?:s|ed|ing)? at the registry\b/i, but: 'poll, check' },
  { not: /\bpatience\b/i, but: 'delay, timeout, retry-after: whichever it is' },
  { not: /\bthe original(?:'s)?\b/i, but: 'the Go deploy-tools, once a page; then Go agent, Go registry' },
  { not: /\b(?:gave|gives?|given|giving) way\b/i, but: 'is replaced; yields' },
  { not: /\b(?:go|goes|gone|going) on with\b/i, but: 'resume, continue' },
  { not: /\bwh(?:o|y)ever\b|\bwho looks\b/i, but: 'the reader, the operator, any reason' },
  { not: /(?<!\bthere )\b(?:is|are) (?:fine|nothing)\b/, but: 'is not an error' },
  { not: /\bin force\b/i, but: 'active' },
  { not: /\blet (?:in|through|into)\b(?! [A-Z])/i, but: 'has access to, can traverse, is accepted' },
  { not: /\b(?:is|are) over it\b/i, but: 'has recovered' },
  { not: /\b(?:shelf|shelves|desk|roster)\b/i, but: 'store' },
  { not: /(?<!\bDO )\b(?:MOST|RARE|NOTHING|AHEAD|PATIENCE)(?=_|\b)/, but: 'subject and unit: MAX_ENTRIES' },
];

/** What is wrong with the words of a text, each with its line number from 1. */
export function judgeWords(text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const spaced = line.replace(/([a-z])([A-Z])/g, '$1 $2');
    return WORDINGS.flatMap(({ not, but }) => {
      const found = not.exec(line) ?? not.exec(spaced);
      return found === null ? [] : [`${index + 1}: "${found[0]}", say: ${but}`];
    });
  });
}
