import semver from 'semver';

/** A tag read as a version, semantic or of the calendar. */
export interface TagVersion {
  /** The numbers of its scheme; they decide first, from left to right. */
  readonly numbers: readonly number[];
  /** Parts of the pre-release; empty for none. */
  readonly prerelease: readonly (string | number)[];
  /** Build metadata, `blue` of `1.2.3+blue`; may be empty. It does not count in comparisons. */
  readonly build: string;
}

/** A scheme of versions. `read` gives undefined for other tags. */
export interface VersionScheme {
  /** For messages: `a semantic version`. */
  readonly title: string;
  read(tag: string): TagVersion | undefined;
  /** Whether the version is within what the constraint allows. */
  allows(tag: string): boolean;
}

/** Longer tags are no versions, which bounds the work of regular expressions. */
export const MAX_TAG_LENGTH = 256;

/** Compares by Semantic Versioning 2.0.0, section 11, also calendar versions. Negative when `a` is older. */
export function compareVersions(a: TagVersion, b: TagVersion): number {
  for (let at = 0; at < Math.max(a.numbers.length, b.numbers.length); at++) {
    const difference = (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePrereleases(a.prerelease, b.prerelease);
}

type Prerelease = TagVersion['prerelease'];

/** No pre-release is newest; of two with the same beginning, the one with more parts is newer. */
function comparePrereleases(a: Prerelease, b: Prerelease): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = semver.compareIdentifiers(String(a[at]), String(b[at]));
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
