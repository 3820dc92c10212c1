import type { Artifact, SourceRelease } from '../source.js';
import { ARCHIVE_NAMES, type ArchiveName, artifactFormat, checksumFilesOf } from './artifact-format.js';
import { platformOfName, wordsOf } from './platform.js';
import type { Wants } from './wants.js';

/** The artifacts to take of a release, or what it lacks. */
type Choice =
  | { readonly artifacts: readonly Artifact[]; readonly alsoFits: readonly string[] }
  | { readonly missing: string };

/**
 * Finds the artifact of a release. Checksums, signatures and packages never fit. Of several that fit the platform: an archive
 * before a single file, then by format (tar.zst, tar.gz, tar.xz, tar.bz2, tar, zip), then the name with the fewest
 * words, then the first name by its bytes.
 */
export function chooseArtifacts(release: SourceRelease, wants: Wants): Choice {
  const { artifacts } = release;
  if (wants.choice !== 'files') {
    return artifacts.length > 0 ? { artifacts, alsoFits: [] } : { missing: 'it has no layers yet' };
  }
  const [chosen, ...others] =
    wants.artifact === undefined
      ? fitting(release, wants)
      : artifacts.filter(({ name }) => name === wants.artifact);
  if (chosen === undefined) return { missing: whatIsMissing(release, wants) };
  const names = artifacts.map(({ name }) => name);
  if (wants.checksum === 'required' && checksumFilesOf(chosen.name, names).length === 0) {
    return { missing: `it has no file of checksums for ${chosen.name}` };
  }
  return { artifacts: [chosen], alsoFits: others.map(({ name }) => name) };
}

interface Fit {
  readonly artifact: Artifact;
  readonly rank: number;
  readonly words: number;
}

function fitting(release: SourceRelease, { platform }: Wants): Artifact[] {
  const fits: Fit[] = [];
  for (const artifact of release.artifacts) {
    const format = artifactFormat(artifact.name);
    if (format === 'other') continue;
    const name = withoutVersion(artifact.name, release.tag);
    const { os, arch } = platformOfName(name);
    if (os !== platform.os || arch !== platform.arch) continue;
    fits.push({ artifact, rank: rankOf(format), words: wordsOf(name).length });
  }
  return fits.sort(compareFits).map(({ artifact }) => artifact);
}

function rankOf(format: ArchiveName | 'file'): number {
  return format === 'file' ? ARCHIVE_NAMES.length : ARCHIVE_NAMES.indexOf(format);
}

function compareFits(a: Fit, b: Fit): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.words !== b.words) return a.words - b.words;
  if (a.artifact.name === b.artifact.name) return 0;
  return a.artifact.name < b.artifact.name ? -1 : 1;
}

/** The name without the version, so that 386 in 1.2.386 is no architecture. */
function withoutVersion(name: string, tag: string): string {
  const version = tag.replace(/^v/, '');
  return version === '' ? name : name.replaceAll(version, ' ');
}

function whatIsMissing({ artifacts }: SourceRelease, { artifact, platform }: Wants): string {
  const has =
    artifacts.length === 0 ? 'it has no artifacts' : `it has ${listed(artifacts.map(({ name }) => name))}`;
  return artifact === undefined
    ? `nothing is there for ${platform.os}/${platform.arch}; ${has}`
    : `${artifact} is not there; ${has}`;
}

const MAX_LISTED = 5;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).join(', ');
  return names.length <= MAX_LISTED ? shown : `${shown} and ${names.length - MAX_LISTED} more`;
}
