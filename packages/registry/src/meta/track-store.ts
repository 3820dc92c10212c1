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
  /** The version of the release; of an image, a version for each layer, lowest first. */
  readonly layers: readonly LayerRef[];
}

/** The progress of a track; written when it changes, not at every check. */
export interface TrackProgress {
  readonly added: AddedRelease | undefined;
  /** The tag of the release that the configurations were last set to. */
  readonly bumped: string | undefined;
  /** The error of the last check; undefined when it succeeded. */
  readonly error: { readonly message: string; readonly since: string } | undefined;
  /** The releases that the last check found and could not take yet, a sentence each. */
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
  /** @throws DeployError exists: the component has a track. */
  insertTrack(track: Track): Promise<void>;
  /** Yanked versions stay yanked. An unknown track is not an error. */
  deleteTrack(component: string): Promise<void>;
  /** Does nothing when the track was deleted. */
  putProgress(component: string, progress: TrackProgress): Promise<void>;
  /** Idempotent. */
  yank(component: string, version: string, time: string): Promise<void>;
  /** Undoes {@link yank}. @returns whether the version was yanked. */
  unyank(component: string, version: string): Promise<boolean>;
}
