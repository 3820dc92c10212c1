import { columns } from '@deploy-tools/shared/columns.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { ADDTRACK, CHECK, DELTRACK, TRACKS, YANK } from '@deploy-tools/shared/commands/track-specs.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import { type CheckReport, noTrack, type TrackTimes } from '../core/tracks/track-runner.js';
import type { FollowedTrack, Track } from '../meta/track-store.js';
import { command } from './command.js';
import { seconds } from './json-shapes.js';

export const addtrack = command(ADDTRACK, async ({ registry, change }, args) => {
  const { component, source } = required({ component: args.component, source: args.source });
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

export const deltrack = command(DELTRACK, async ({ registry }, args) => {
  const { component } = required({ component: args.component });
  return { value: trackJson(await registry.tracks.delete(component)), text: '' };
});

export const yank = command(YANK, async ({ registry, change }, args) => {
  const layer = required({ component: args.component, version: args.version });
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

type Checked = CheckReport | { readonly component: string; readonly error: string };

export const check = command(CHECK, async ({ registry }, args) => {
  const followed = await registry.meta.read((tx) => tx.tracks.tracks());
  const wanted = followed
    .map(({ track }) => track.component)
    .filter((component) => args.component === undefined || component === args.component);
  if (args.component !== undefined && wanted.length === 0) throw noTrack(args.component);
  const reports = await Promise.all(
    wanted.map((component) =>
      registry.tracks.runner
        .check(component)
        .catch((error: unknown): Checked => ({ component, error: describeError(error) })),
    ),
  );
  return {
    status: reports.some((report) => 'error' in report) ? 1 : 0,
    value: reports.map(checkJson),
    text: reports.length === 0 ? 'no source is followed\n' : reports.map(text).join(''),
  };
});

function text(report: Checked): string {
  const { component } = report;
  if ('error' in report) return `${printableLine(`${component}: ${report.error}`)}\n`;
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
export function trackJson({ component, source, bump, intervalMs, os, arch, slot, author, created }: Track) {
  const by = author.comment === '' ? author.fingerprint : author.comment;
  return { component, source, bump, intervalMs, os, arch, slot: slot ?? null, by, created };
}

export function followedTrackJson({ track, progress }: FollowedTrack, times: TrackTimes) {
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

/** What a look came to, also one that failed. */
export function checkJson(report: CheckReport | { readonly component: string; readonly error: string }) {
  if ('error' in report) {
    return {
      component: report.component,
      changed: false,
      added: [],
      bumped: [],
      waiting: [],
      error: report.error,
    };
  }
  const { component, changed, added, bumped, waiting } = report;
  return { component, changed, added, bumped, waiting, error: null };
}
