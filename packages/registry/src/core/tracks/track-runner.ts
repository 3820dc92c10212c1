import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';

/** The result of one check of a source. */
export interface CheckReport {
  readonly component: string;
  /** Whether the source has changed since the last check. */
  readonly changed: boolean;
  /** The versions that were added, of several components where the source has images. */
  readonly added: readonly LayerRef[];
  /** Configurations that have a new version now. */
  readonly bumped: readonly string[];
  /** What could not be taken or done yet, a sentence each. */
  readonly waiting: readonly string[];
}

/** When a track is checked. Times are RFC 3339 UTC. */
export interface TrackTimes {
  readonly checked: string | undefined;
  readonly next: string | undefined;
  /** Whether a check runs now. */
  readonly checking: boolean;
}

/** Checks the sources of all tracks, one check for the whole fleet. */
export interface TrackRunner {
  /** To be called when a track was added or changed: it is checked at once. */
  follow(component: string): void;
  /** To be called when a track was deleted. */
  forget(component: string): void;
  /** Checks now, or shares the check that runs. @throws DeployError not-found: no such track; the source's failure. */
  check(component: string): Promise<CheckReport>;
  times(component: string): TrackTimes;
}

export function noTrack(component: string): DeployError {
  return new DeployError('not-found', `component "${component}" follows no source`, {
    hint: 'tracks lists those that do, addtrack adds one',
  });
}
