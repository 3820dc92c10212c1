import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Artifact, SourceRelease } from '../source.js';

/**
 * The releases of one page of GitHub's list, without drafts and without assets that are still being uploaded.
 * @throws DeployError corrupt.
 */
export function githubReleases(page: unknown): SourceRelease[] {
  if (!Array.isArray(page)) throw notAsDocumented('no list of releases');
  return page.flatMap((item: unknown) => {
    const release = record(item, 'a release');
    if (release.draft === true) return [];
    return [
      {
        tag: text(release, 'tag_name'),
        prerelease: release.prerelease === true,
        created: optionalText(release, 'published_at') ?? optionalText(release, 'created_at'),
        artifacts: assetsOf(release),
      },
    ];
  });
}

function assetsOf(release: JsonRecord): Artifact[] {
  if (!Array.isArray(release.assets)) throw notAsDocumented('a release without assets');
  return release.assets.flatMap((item: unknown) => {
    const asset = record(item, 'an asset');
    if (asset.state !== undefined && asset.state !== 'uploaded') return [];
    if (!Number.isSafeInteger(asset.id)) throw notAsDocumented('an asset without a number');
    const digest = optionalText(asset, 'digest');
    return [
      {
        name: text(asset, 'name'),
        id: String(asset.id),
        size: Number.isSafeInteger(asset.size) ? Number(asset.size) : undefined,
        digest: digest !== undefined && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined,
      },
    ];
  });
}

export type JsonRecord = Readonly<Record<string, unknown>>;

/** @throws DeployError corrupt. */
export function record(value: unknown, what: string): JsonRecord {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw notAsDocumented(`${what} that is no object`);
}

/** @throws DeployError corrupt. */
export function text(from: JsonRecord, key: string): string {
  const value = from[key];
  if (typeof value === 'string' && value !== '') return value;
  throw notAsDocumented(`no ${key}`);
}

function optionalText(from: JsonRecord, key: string): string | undefined {
  const value = from[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function notAsDocumented(what: string): DeployError {
  return new DeployError('corrupt', `GitHub's answer is not as documented: ${what}`, {
    hint: 'check GITHUB_API_URL; for GitHub Enterprise it ends in /api/v3',
  });
}
