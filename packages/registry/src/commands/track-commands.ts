import { columns } from '@deploy-tools/shared/columns.js';
import { ADDTRACK, CHECK, DELTRACK, TRACKS, YANK } from '@deploy-tools/shared/commands/track-specs.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import { authorName } from '../core/principal.js';
import type { CheckReport } from '../core/tracks/check-track.js';
import { noTrack, type TrackTimes } from '../core/tracks/track-runner.js';
import type { FollowedTrack, Track } from '../meta/track-store.js';
import { command } from './command.js';
import { seconds } from './json-shapes.js';

export const addtrack = command(ADDTRACK, ['component', 'source'], async ({ registry, change }, args) => {
  const { component, source } = args;
  const track = await registry.tracks.add(change, {
    component,
    source,
    bump: args.bump.flatMap((names) => names.split(',')).filter((name) => name !== ''),
    intervalMs: args.interval,
    os: args.os,
    arch: args.arch ?? process.arch,
    slot: args.slot,
  });
  return { value: trackJson(track), text: '' };
});

export const deltrack = command(DELTRACK, ['component'], async ({ registry }, { component }) => {
  return { value: trackJson(await registry.tracks.delete(component)), text: '' };
});

export const yank = command(YANK, ['component', 'version'], async ({ registry, change }, args) => {
  const layer = { component: args.component, version: args.version };
  if (args.undo) {
    await registry.tracks.unyank(layer);
    return { value: { ...layer, yanked: false, instead: null, bumped: [] }, text: '' };
  }
  const { instead, bumped } = await registry.tracks.yank(change, layer);
  return {
    value: { ...layer, yanked: true, instead: instead ?? null, bumped },
    text: bumped.map((name) => `${name} has ${layer.component}:${instead} now\n`).join(''),
  };
});

const HEADER = ['COMPONENT', 'RELEASE', 'BUMPS', 'EVERY', 'CHECKED', 'SOURCE'];

export const tracks = command(TRACKS, [], async ({ registry }) => {
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

/** The lines under the table: errors, and releases that wait. */
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

/** A check with its error; null when it succeeded. */
type Checked = CheckReport & { readonly error: string | null };

export const check = command(CHECK, [], async ({ registry }, args) => {
  const followed = await registry.meta.read((tx) => tx.tracks.tracks());
  const wanted = followed
    .map(({ track }) => track.component)
    .filter((component) => args.component === undefined || component === args.component);
  if (args.component !== undefined && wanted.length === 0) throw noTrack(args.component);
  const reports = await Promise.all(
    wanted.map(async (component): Promise<Checked> => {
      try {
        return { ...(await registry.tracks.runner.check(component)), error: null };
      } catch (error) {
        return { component, changed: false, added: [], bumped: [], waiting: [], error: describeError(error) };
      }
    }),
  );
  return {
    status: reports.some(({ error }) => error !== null) ? 1 : 0,
    value: reports,
    text: reports.length === 0 ? 'no source is followed\n' : reports.map(text).join(''),
  };
});

function text(report: Checked): string {
  const { component } = report;
  if (report.error !== null) return `${printableLine(`${component}: ${report.error}`)}\n`;
  const lines = [
    ...report.added.map((layer) => `added ${layer.component}:${layer.version}`),
    ...report.bumped.map((name) => `bumped ${name}`),
    ...report.waiting,
  ];
  return (lines.length === 0 ? ['nothing new'] : lines)
    .map((line) => `${printableLine(`${component}: ${line}`)}\n`)
    .join('');
}

/** A track in `-json` output; documented in docs/protocol.md. */
function trackJson({ component, source, bump, intervalMs, os, arch, slot, author, created }: Track) {
  const by = authorName(author);
  return { component, source, bump, intervalMs, os, arch, slot: slot ?? null, by, created };
}

function followedTrackJson({ track, progress }: FollowedTrack, times: TrackTimes) {
  return {
    ...trackJson(track),
    added: progress.added ?? null,
    bumped: progress.bumped ?? null,
    error: progress.error ?? null,
    waiting: progress.waiting,
    checked: times.checked ?? null,
    next: times.next ?? null,
    checking: times.checking,
  };
}
