import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { hasSlashInClass, hasWildcards, literalSource, wildcardSource } from './filter-pattern.js';

/** One rule of rsync's `--exclude` and `--exclude-from`, read the way that rsync(1), "FILTER RULES", describes. */
export interface FilterRule {
  readonly isInclude: boolean;
  /** It ended with a slash: it is for directories. */
  readonly directoriesOnly: boolean;
  /** What the pattern matches, from begin to end; undefined for nothing. */
  readonly matches: RegExp | undefined;
  /** `**` at the start also matches at the start of the path: as if a slash came first. */
  readonly slashFirst: boolean;
  /** `***` at the end also matches the directory itself: as if a slash came last. */
  readonly slashLast: boolean;
}

/**
 * Rules in their order: the first one that matches decides.
 * @param lines `PATTERN` and `- PATTERN` exclude, `+ PATTERN` includes, `!` forgets the rules before.
 * @throws DeployError invalid for a rule without a pattern.
 */
export function filterRules(lines: readonly ByteName[]): FilterRule[] {
  let rules: FilterRule[] = [];
  for (const line of lines) {
    if (line === '') continue;
    const hasPrefix = /^[-+] /.test(line);
    const pattern = hasPrefix ? line.slice(2) : line;
    if (pattern === '')
      throw new DeployError('invalid', `the exclude rule "${line}" has no pattern`, {
        hint: 'write the pattern after the blank',
      });
    // After a prefix it is the pattern of files that are called so.
    if (line === '!') rules = [];
    else rules.push(ruleOf(pattern, line.startsWith('+ ')));
  }
  return rules;
}

/**
 * The rules in a file of `--exclude-from`: a rule a line, up to a NUL byte if there is one, without comments (`#`, `;`)
 * and empty lines.
 */
export function ruleLines(text: ByteName): ByteName[] {
  const lines = text.split(/[\r\n]/).map((line) => line.replace(/\0.*/, ''));
  return lines.filter((line) => line !== '' && !/^[#;]/.test(line));
}

/**
 * Whether the rules leave something out. What is in a directory that is left out is not to be asked about.
 * @param path below the root that is synced, without a slash at its beginning or end.
 */
export function isExcluded(rules: readonly FilterRule[], path: ByteName, isDirectory: boolean): boolean {
  const rule = rules.find((each) => appliesTo(each, path, isDirectory));
  return rule !== undefined && !rule.isInclude;
}

function appliesTo(rule: FilterRule, path: ByteName, isDirectory: boolean): boolean {
  if (rule.matches === undefined || (rule.directoriesOnly && !isDirectory)) return false;
  const first = rule.slashFirst ? '/' : '';
  const last = rule.slashLast && isDirectory ? '/' : '';
  return rule.matches.test(`${first}${path}${last}`);
}

function ruleOf(text: ByteName, isInclude: boolean): FilterRule {
  const directoriesOnly = text.length > 1 && text.endsWith('/');
  const whole = directoriesOnly ? text.slice(0, -1) : text;
  const isAnchored = whole.startsWith('/');
  const pattern = isAnchored ? whole.slice(1) : whole;
  const isWild = hasWildcards(whole);
  const slashFirst = isWild && whole.startsWith('**');
  const source = isWild ? sourceOf(pattern, isAnchored) : literalSource(pattern);
  const begin = isAnchored || slashFirst ? '^' : '^(?:[^]*/)?';
  return {
    isInclude,
    directoriesOnly,
    matches: source === undefined ? undefined : new RegExp(`${begin}${source}$`),
    slashFirst,
    slashLast: isWild && whole.endsWith('***'),
  };
}

/**
 * rsync compares a pattern that is not anchored, has no `**` and contains k slashes with the last k + 1 names of the path.
 * It counts the slashes in classes as well, but no class matches one: such a pattern matches nothing.
 */
function sourceOf(pattern: ByteName, isAnchored: boolean): string | undefined {
  if (!isAnchored && !pattern.includes('**') && hasSlashInClass(pattern)) return undefined;
  return wildcardSource(pattern);
}
