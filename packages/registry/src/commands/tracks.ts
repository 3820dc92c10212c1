import { columns } from '@deploy-tools/shared/columns.js';
import { TRACKS } from '@deploy-tools/shared/commands/track-specs.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import type { TrackTimes } from '../core/tracks/track-runner.js';
import type { FollowedTrack } from '../meta/track-store.js';
import { command } from './command.js';
import { seconds } from './json-shapes.js';
import { followedTrackJson } from './track-json.js';

const HEADER = ['COMPONENT', 'RELEASE', 'BUMPS', 'EVERY', 'CHECKED', 'SOURCE'];

export const tracks = command(TRACKS, async ({ registry }) => {
  const followed = await registry.meta.read((tx) => tx.tracks.tracks());
  const rows = followed.map((found) => ({
    found,
    times: registry.tracks.runner.times(found.track.component),
  }));
  return {
    value: rows.map(({ found, times }) => followedTrackJson(found, times)),
    text:
      followed.length === 0
        ? 'no source is followed\n'
        : columns([HEADER, ...rows.map(row)]) + notes(followed),
  };
});

function row({ found, times }: { readonly found: FollowedTrack; readonly times: TrackTimes }): string[] {
  const { track, progress } = found;
  return [
    track.component,
    progress.added?.tag ?? '-',
    track.bump.join(',') || '-',
    formatDuration(track.intervalMs),
    times.checking ? 'now' : times.checked === undefined ? '-' : seconds(times.checked),
    track.source,
  ];
}

/** What somebody may have to do something about, under the table. */
function notes(followed: readonly FollowedTrack[]): string {
  return followed
    .flatMap(({ track, progress: { error, waiting } }) => [
      ...(error === undefined
        ? []
        : [`${track.component}: failing since ${seconds(error.since)}: ${error.message}`]),
      ...waiting.map((what) => `${track.component}: ${what}`),
    ])
    .map((line) => `${printableLine(line)}\n`)
    .join('');
}
