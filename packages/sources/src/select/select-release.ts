import type { Artifact, SourceRelease } from '../source.js';
import { calendarVersions } from './calendar-versions.js';
import { chooseArtifacts } from './choose-artifact.js';
import { semanticVersions } from './semantic-versions.js';
import { compareVersions, type TagVersion, type VersionScheme } from './tag-version.js';
import type { Wants } from './wants.js';

/** A wanted release that is newer than the picked one, but not complete yet. */
interface WaitingRelease {
  readonly tag: string;
  /** What it lacks, in words. */
  readonly reason: string;
}

export interface PickedRelease {
  readonly release: SourceRelease;
  /** One file, or the layers of an image, lowest first. */
  readonly artifacts: readonly Artifact[];
  /** Names of other artifacts that fit, in the order of preference. */
  readonly alsoFits: readonly string[];
  readonly waiting: readonly WaitingRelease[];
}

export interface NothingPicked {
  readonly release: undefined;
  /** One sentence for each kind of release that was left out. */
  readonly reasons: readonly string[];
  readonly waiting: readonly WaitingRelease[];
}

interface Candidate {
  readonly release: SourceRelease;
  readonly version: TagVersion;
}

/**
 * Picks the newest release that is wanted and complete. Not wanted are other slots, pre-releases, versions beyond the
 * constraint, and tags that are no versions. `waiting` names newer releases that lack an artifact. The order of the
 * releases does not matter.
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

/** The tags of the newest wanted versions, newest first, for a source that has yet to look up their artifacts. */
export function newestTags(tags: readonly string[], wants: Wants, count: number): string[] {
  const releases = tags.map((tag) => ({ tag, prerelease: false, created: undefined, artifacts: [] }));
  return candidatesOf(releases, wants)
    .candidates.slice(0, count)
    .map(({ tag }) => tag);
}

/** Compares the versions of two tags: negative when `a` is older; undefined when either is no version, or the source decides. */
export function compareTags(a: string, b: string, wants: Wants): number | undefined {
  if (wants.choice === 'given') return undefined;
  const scheme = schemeOf(wants);
  const [versionA, versionB] = [scheme.read(a), scheme.read(b)];
  return versionA === undefined || versionB === undefined ? undefined : compareVersions(versionA, versionB);
}

/** The scheme of the wanted versions. @throws DeployError invalid. */
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

/** Of the same precedence (`1.2.3+blue`, `1.2.3+green`) the release that was made last is newer, then the later tag. */
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
