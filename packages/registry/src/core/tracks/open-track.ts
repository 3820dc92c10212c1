import { DeployError } from '@deploy-tools/shared/errors.js';
import { isWithin } from '@deploy-tools/shared/host/is-within.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import type { SourceContext } from '@deploy-tools/sources/source-context.js';
import { parseSourceUrl, type SourceUrl } from '@deploy-tools/sources/source-url.js';
import type { Track } from '../../meta/track-store.js';
import type { WatchedSource } from './check-track.js';

type Sourced = Pick<Track, 'source' | 'os' | 'arch' | 'slot'>;

/**
 * Parses a track's source URL and the releases that the track wants.
 * @param fileRoots the only directories of this host below which tracks may follow directories.
 * @throws DeployError invalid, unsupported.
 */
export function readTrackSource(track: Sourced, fileRoots: readonly string[]): SourceUrl {
  const url = parseSourceUrl(track.source, { os: track.os, arch: track.arch });
  const { place } = url;
  if (place.scheme === 'file' && !fileRoots.some((root) => isWithin(root, place.directory))) {
    throw new DeployError('invalid', `the registry does not follow directories such as ${place.directory}`, {
      hint: 'start the registry with -track-files DIR, a directory above it',
    });
  }
  return { ...url, wants: { ...url.wants, slot: track.slot ?? url.wants.slot } };
}

/** Opens a track's source. @throws DeployError invalid, unsupported; denied: the credentials in the environment cannot be used. */
export async function openTrack(
  track: Sourced,
  fileRoots: readonly string[],
  context: SourceContext,
): Promise<Omit<WatchedSource, 'listing'>> {
  const { wants } = readTrackSource(track, fileRoots);
  return {
    wants,
    source: await openSource(track.source, { ...context, fileRoots, platform: wants.platform }),
  };
}
