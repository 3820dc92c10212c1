import type { CheckReport, TrackTimes } from '../core/tracks/track-runner.js';
import type { FollowedTrack, Track } from '../meta/track-store.js';

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
