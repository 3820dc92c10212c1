import type { Artifact, SourceRelease } from '../source.js';
import { calendarVersions } from './calendar-versions.js';
import { chooseArtifacts } from './choose-artifact.js';
import { semanticVersions } from './semantic-versions.js';
import { compareVersions, type TagVersion, type VersionScheme } from './tag-version.js';
import type { Wants } from './wants.js';

/** A release that is wanted and newer than what serves, but not complete yet. */
export interface WaitingRelease {
  readonly tag: string;
  /** What is missing, in words. */
  readonly reason: string;
}

export interface PickedRelease {
  readonly release: SourceRelease;
  /** One file, or the layers of an image, lowest first. */
  readonly artifacts: readonly Artifact[];
  /** Names of artifacts that would have fitted as well, in the order of preference. */
  readonly alsoFits: readonly string[];
  readonly waiting: readonly WaitingRelease[];
}

export interface NothingPicked {
  readonly release: undefined;
  /** Why, for people: one sentence for each kind of release that was left out. */
  readonly reasons: readonly string[];
  readonly waiting: readonly WaitingRelease[];
}

interface Candidate {
  readonly release: SourceRelease;
  readonly version: TagVersion;
}

/**
 * The newest release that is wanted and complete. What is not wanted (other slots, pre-releases, versions beyond the
 * constraint, tags that are no versions) is left out before the newest is looked for; newer ones whose artifact is not
 * there yet are named in `waiting`. The order of the releases does not matter.
 * @throws DeployError invalid, when the constraint or the format of versions cannot be read.
 */
export function selectRelease(
  releases: readonly SourceRelease[],
  wants: Wants,
): PickedRelease | NothingPicked {
  const { candidates, reasons } = candidatesOf(releases, wants);
  const waiting: WaitingRelease[] = [];
  for (const release of candidates) {
    const choice = chooseArtifacts(release, wants);
    if ('artifacts' in choice) return { release, ...choice, waiting };
    waiting.push({ tag: release.tag, reason: choice.missing });
  }
  const incomplete = waiting.slice(0, 3).map(({ tag, reason }) => `${tag}: ${reason}`);
  return { release: undefined, reasons: [...incomplete, ...reasons], waiting };
}

/** The tags of the newest wanted versions, newest first: what else may have to be looked up for them is not known yet. */
export function newestTags(tags: readonly string[], wants: Wants, count: number): string[] {
  const releases = tags.map((tag) => ({ tag, prerelease: false, created: undefined, artifacts: [] }));
  return candidatesOf(releases, wants)
    .candidates.slice(0, count)
    .map(({ tag }) => tag);
}

/**
 * How the versions of two tags compare: negative when `a` is older than `b`; undefined when either is no version, or
 * versions do not matter.
 */
export function compareTags(a: string, b: string, wants: Wants): number | undefined {
  if (wants.choice === 'given') return undefined;
  const scheme = schemeOf(wants);
  const [versionA, versionB] = [scheme.read(a), scheme.read(b)];
  return versionA === undefined || versionB === undefined ? undefined : compareVersions(versionA, versionB);
}

/** How tags are read. @throws DeployError invalid. */
export function schemeOf(wants: Pick<Wants, 'calver' | 'constraint' | 'preRelease'>): VersionScheme {
  return wants.calver === undefined
    ? semanticVersions(wants.constraint, wants.preRelease)
    : calendarVersions(wants.calver);
}

function candidatesOf(
  releases: readonly SourceRelease[],
  wants: Wants,
): { readonly candidates: readonly SourceRelease[]; readonly reasons: string[] } {
  if (wants.choice === 'given') return { candidates: releases, reasons: noneAtAll(releases) };
  const scheme = schemeOf(wants);
  const leftOut = new Map<string, number>();
  const candidates: Candidate[] = [];
  for (const release of releases) {
    const version = scheme.read(release.tag);
    const reason = whyNot(release, version, scheme, wants);
    if (version !== undefined && reason === undefined) candidates.push({ release, version });
    else if (reason !== undefined) leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
  }
  candidates.sort(newestFirst);
  const reasons = [...leftOut].map(([reason, count]) => `${count} left out: ${reason}`);
  return {
    candidates: candidates.map(({ release }) => release),
    reasons: [...noneAtAll(releases), ...reasons],
  };
}

function noneAtAll(releases: readonly SourceRelease[]): string[] {
  return releases.length === 0 ? ['the source has no releases'] : [];
}

function whyNot(
  release: SourceRelease,
  version: TagVersion | undefined,
  scheme: VersionScheme,
  { slot, preRelease, constraint }: Wants,
): string | undefined {
  if (version === undefined) return `the tag is not ${scheme.title}`;
  if (slot !== undefined && version.build !== slot) return `not of the slot ${slot}`;
  const isPrerelease = release.prerelease || version.prerelease.length > 0;
  if (isPrerelease && !preRelease) return 'a pre-release, without pre-release=true';
  return scheme.allows(release.tag) ? undefined : `not within the constraint ${constraint}`;
}

/** Versions of the same precedence (`1.2.3+blue`, `1.2.3+green`): what was made last, then the tag that comes last. */
function newestFirst(a: Candidate, b: Candidate): number {
  const order = compareVersions(b.version, a.version);
  if (order !== 0) return order;
  const made = timeOf(b.release) - timeOf(a.release);
  if (made !== 0) return made;
  return a.release.tag < b.release.tag ? 1 : -1;
}

function timeOf({ created }: SourceRelease): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? 0 : time;
}
