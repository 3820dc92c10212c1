import { DeployError } from '@deploy-tools/shared/errors.js';
import { MAX_TAG_LENGTH, type TagVersion, type VersionScheme } from './tag-version.js';

interface Part {
  readonly pattern: string;
  /** Whether its length varies. */
  readonly varies: boolean;
}

/** The words of a format, those of calver.org and dewy; the first that fits counts. */
const PARTS: Readonly<Record<string, Part>> = {
  YYYY: { pattern: '\\d{4}', varies: false },
  '0Y': { pattern: '\\d{2,3}', varies: true },
  YY: { pattern: '\\d{1,3}', varies: true },
  '0M': { pattern: '0[1-9]|1[0-2]', varies: false },
  '0W': { pattern: '0[1-9]|[1-4]\\d|5[0-3]', varies: false },
  '0D': { pattern: '0[1-9]|[12]\\d|3[01]', varies: false },
  MICRO: { pattern: '\\d{1,15}', varies: true },
  MINOR: { pattern: '\\d{1,15}', varies: true },
  MAJOR: { pattern: '\\d{1,15}', varies: true },
  MM: { pattern: '1[0-2]|[1-9]', varies: true },
  WW: { pattern: '[1-4]\\d|5[0-3]|[1-9]', varies: true },
  DD: { pattern: '[12]\\d|3[01]|[1-9]', varies: true },
};
/** The place of a pre-release in a format; `-rc1` at the end of a tag is one in any format. */
const MODIFIER = 'MODIFIER';
const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const MAX_FORMAT_LENGTH = 64;

/**
 * Tags that follow a format of calendar versions: `YYYY.0M.MICRO` takes `2026.07.3`, `v2026.07.3-rc1` and
 * `2026.07.3+blue`. Numbers decide from left to right.
 * @throws DeployError invalid, when the format has unknown words, no word at all, or could be read in two ways.
 */
export function calendarVersions(format: string): VersionScheme {
  const pattern = compile(format);
  return {
    title: `a calendar version of the format ${format}`,
    read: (tag) => (tag.length > MAX_TAG_LENGTH ? undefined : readTag(pattern.exec(tag))),
    allows: () => true,
  };
}

function readTag(match: RegExpExecArray | null): TagVersion | undefined {
  if (match === null) return undefined;
  const { modifier, prerelease, build } = match.groups ?? {};
  const identifiers = [modifier, prerelease].flatMap((text) => text?.split('.') ?? []);
  return {
    numbers: match.slice(1, -3).map(Number),
    prerelease: identifiers.map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : part)),
    build: build ?? '',
  };
}

function compile(format: string): RegExp {
  if (format.length > MAX_FORMAT_LENGTH) throw invalidFormat(format, 'it is too long');
  let rest = format.replace(/^v/, '');
  let body = '';
  let modifier = '(?<modifier>(?!))?';
  let words = 0;
  let variesBefore = false;
  while (rest !== '') {
    const ending = new RegExp(`^([-._]?)${MODIFIER}$`).exec(rest);
    if (ending !== null) {
      modifier = `(?:${literal(ending[1] ?? '')}(?<modifier>[A-Za-z][0-9A-Za-z]*))?`;
      break;
    }
    const word = Object.keys(PARTS).find((known) => rest.startsWith(known));
    const part = word === undefined ? undefined : PARTS[word];
    if (word === undefined || part === undefined) {
      if (/^[0-9A-Za-z]/.test(rest)) throw invalidFormat(format, `"${rest}" begins with no known word`);
      body += literal(rest.slice(0, 1));
      rest = rest.slice(1);
      variesBefore = false;
      continue;
    }
    if (part.varies && variesBefore)
      throw invalidFormat(format, 'it is ambiguous; put a dot between its words');
    variesBefore = variesBefore || part.varies;
    body += `(${part.pattern})`;
    words += 1;
    rest = rest.slice(word.length);
  }
  if (words === 0) throw invalidFormat(format, 'it has no part of a date or number');
  return new RegExp(
    `^v?${body}${modifier}(?:-(?<prerelease>${IDENTIFIERS}))?(?:\\+(?<build>${IDENTIFIERS}))?$`,
  );
}

function literal(text: string): string {
  return text.replace(/[^0-9A-Za-z]/g, '\\$&');
}

function invalidFormat(format: string, why: string): DeployError {
  return new DeployError('invalid', `"${format}" is not a format of calendar versions: ${why}`, {
    hint: `its words are ${Object.keys(PARTS).join(', ')} and, at the end, ${MODIFIER}, as in YYYY.0M.MICRO`,
  });
}
