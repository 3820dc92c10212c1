import type { LayerRef } from '@deploy-tools/shared/model.js';
import type { Author } from './author.js';

/** A source that the registry follows for one component. */
export interface Track {
  readonly component: string;
  /** The source's URL with its options; without secrets. */
  readonly source: string;
  /** Configurations whose layer of the component is set to each new version. */
  readonly bump: readonly string[];
  readonly intervalMs: number;
  /** The platform of the wanted artifacts. */
  readonly os: string;
  readonly arch: string;
  /** Only releases with this build metadata; undefined for any. */
  readonly slot: string | undefined;
  readonly author: Author;
  /** RFC 3339 UTC. */
  readonly created: string;
}

/** A release that was added. */
export interface AddedRelease {
  readonly tag: string;
  /** RFC 3339 UTC. */
  readonly time: string;
  /** The version that it became; of an image, one for each of its layers, lowest first. */
  readonly layers: readonly LayerRef[];
}

/** How far a track has come; written when it changes, not at every check. */
export interface TrackProgress {
  readonly added: AddedRelease | undefined;
  /** The tag of the release that the configurations were last set to. */
  readonly bumped: string | undefined;
  /** Why the last check failed; undefined when it did not. */
  readonly error: { readonly message: string; readonly since: string } | undefined;
  /** What the last check found and could not take yet, a sentence each. */
  readonly waiting: readonly string[];
}

export const NO_PROGRESS: TrackProgress = {
  added: undefined,
  bumped: undefined,
  error: undefined,
  waiting: [],
};

export interface FollowedTrack {
  readonly track: Track;
  readonly progress: TrackProgress;
}

/** Part of MetaReader. */
export interface TrackReader {
  /** By component. */
  tracks(): Promise<readonly FollowedTrack[]>;
  track(component: string): Promise<FollowedTrack | undefined>;
  /** Versions of a component that no track may take, or set a configuration to, in order. */
  yanked(component: string): Promise<readonly string[]>;
}

/** Part of MetaWriter. */
export interface TrackWriter extends TrackReader {
  /** @throws DeployError exists: there is one for that component. */
  insertTrack(track: Track): Promise<void>;
  /** Yanked versions stay yanked. Deleting what is not there does nothing. */
  deleteTrack(component: string): Promise<void>;
  /** Does nothing when the track is gone. */
  putProgress(component: string, progress: TrackProgress): Promise<void>;
  /** Idempotent. */
  yank(component: string, version: string, time: string): Promise<void>;
  /** Undoes it. @returns whether it was yanked. */
  unyank(component: string, version: string): Promise<boolean>;
}
