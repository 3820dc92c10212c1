import type { LayerRef } from '@deploy-tools/shared/model.js';

/** What one look at a source came to. */
export interface CheckReport {
  readonly component: string;
  /** Whether the source has told anything since the last look. */
  readonly changed: boolean;
  /** The versions that were added, of several components where the source has images. */
  readonly added: readonly LayerRef[];
  /** Configurations that have a new version now. */
  readonly bumped: readonly string[];
  /** What could not be taken or done yet, a sentence each. */
  readonly waiting: readonly string[];
}

/** When a track is looked at. Times are RFC 3339 UTC. */
export interface TrackTimes {
  readonly checked: string | undefined;
  readonly next: string | undefined;
  /** A look goes on just now. */
  readonly checking: boolean;
}

/** What looks at the sources of all tracks, one look for the whole fleet. */
export interface TrackRunner {
  /** To be called when a track was added or changed: it is looked at at once. */
  follow(component: string): void;
  /** To be called when a track is gone. */
  forget(component: string): void;
  /** Looks now, or shares the look that goes on. @throws DeployError not-found: no such track; what the source says. */
  check(component: string): Promise<CheckReport>;
  times(component: string): TrackTimes;
}
