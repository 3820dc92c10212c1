import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';

/** POSIX classes as of the C locale, in the form that a class of a regular expression has. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  space: ' \\t\\n\\v\\f\\r',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** Whether a pattern of rsync has wildcards; only then is a backslash an escape in it. */
export function hasWildcards(pattern: ByteName): boolean {
  return /[*?[]/.test(pattern);
}

/**
 * The source of a regular expression that matches what rsync's wildcards match, byte by byte: `*` and `?` stop at a
 * slash, `**` does not, `[…]` never matches one.
 * @returns undefined for a pattern that matches nothing, such as one with a class that does not end.
 */
export function wildcardSource(pattern: ByteName): string | undefined {
  return partsOf(pattern)
    ?.map((part) => part.source)
    .join('');
}

/** Whether a class of a pattern, `[…]`, names a slash; false for a pattern that matches nothing. */
export function hasSlashInClass(pattern: ByteName): boolean {
  const parts = partsOf(pattern) ?? [];
  return parts.some(({ begin, next }) => pattern[begin] === '[' && pattern.slice(begin, next).includes('/'));
}

/** Matches exactly these bytes. */
export function literalSource(text: ByteName): string {
  return [...text].map(exactly).join('');
}

interface Part {
  readonly source: string;
  /** Where the pattern goes on. */
  readonly next: number;
}

/** @returns undefined for a pattern that matches nothing. */
function partsOf(pattern: ByteName): (Part & { readonly begin: number })[] | undefined {
  const parts = [];
  for (let begin = 0; begin < pattern.length; ) {
    const part = partAt(pattern, begin);
    if (part === undefined) return undefined;
    parts.push({ ...part, begin });
    begin = part.next;
  }
  return parts;
}

function partAt(pattern: ByteName, at: number): Part | undefined {
  const character = pattern[at] ?? '';
  if (character === '?') return { source: '[^/]', next: at + 1 };
  if (character === '[') return classAt(pattern, at + 1);
  if (character === '*') {
    let next = at + 1;
    while (pattern[next] === '*') next += 1;
    return { source: next - at > 1 ? '[^]*' : '[^/]*', next };
  }
  if (character !== '\\') return { source: exactly(character), next: at + 1 };
  const escaped = pattern[at + 1];
  return escaped === undefined ? undefined : { source: exactly(escaped), next: at + 2 };
}

/** A class from after its bracket on. A bracket that closes is taken literally where it comes first. */
function classAt(pattern: ByteName, begin: number): Part | undefined {
  const isNegated = pattern[begin] === '!' || pattern[begin] === '^';
  const first = isNegated ? begin + 1 : begin;
  let members = '';
  /** The character that a range could begin with. */
  let before: string | undefined;
  for (let at = first; at < pattern.length; ) {
    if (pattern[at] === ']' && at > first) {
      const source = isNegated ? `[^/${members}]` : `(?!/)[${members}]`;
      return { source, next: at + 1 };
    }
    const member = memberAt(pattern, at, before);
    if (member === undefined) return undefined;
    members += member.source;
    before = member.last;
    at = member.next;
  }
  return undefined;
}

interface Member extends Part {
  readonly last: string | undefined;
}

function memberAt(pattern: ByteName, at: number, before: string | undefined): Member | undefined {
  const character = pattern[at] ?? '';
  if (character === '\\') {
    const escaped = pattern[at + 1];
    return escaped === undefined ? undefined : { source: exactly(escaped), next: at + 2, last: escaped };
  }
  const after = pattern[at + 1];
  if (character === '-' && before !== undefined && after !== undefined && after !== ']')
    return rangeTo(pattern, at + 1, before);
  if (character === '[' && after === ':') {
    const end = pattern.indexOf(']', at + 2);
    if (end < 0) return undefined;
    if (pattern[end - 1] === ':' && end - 1 >= at + 2) {
      const named = CLASSES[pattern.slice(at + 2, end - 1)];
      return named === undefined ? undefined : { source: named, next: end + 1, last: undefined };
    }
  }
  return { source: exactly(character), next: at + 1, last: character };
}

/** A range the wrong way round holds nothing; what it begins with is a member already. */
function rangeTo(pattern: ByteName, at: number, from: string): Member | undefined {
  const isEscaped = pattern[at] === '\\';
  const to = pattern[isEscaped ? at + 1 : at];
  if (to === undefined) return undefined;
  const source = from <= to ? `${exactly(from)}-${exactly(to)}` : '';
  return { source, next: at + (isEscaped ? 2 : 1), last: undefined };
}

function exactly(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
