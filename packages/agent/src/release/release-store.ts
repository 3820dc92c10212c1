import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AssembleThreads } from './assemble/assemble-threads.js';
import type { ReuseMode } from './assemble/reuse-method.js';
import type { Ownership } from './unpack/tree-task.js';

/** Where releases, and what they are made of, are kept. All paths are absolute. */
export interface ReleasePaths {
  /** Archives by hash, and the parts of those that are being downloaded. */
  readonly cache: string;
  /** Releases by configuration hash. */
  readonly unpacked: string;
  /** Layer manifests by digest. */
  readonly manifests: string;
  /** What the files of releases looked like when they were complete, by configuration hash. */
  readonly records: string;
}

export interface ReleaseSettings {
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
  /** How unchanged files of earlier releases get into a new one. */
  readonly reuse: ReuseMode;
}

/** Receives how far the making of a release is. */
export interface ReleaseProgress {
  /** @param fetch bytes that will be fetched. @param reuse bytes that are on this host already. */
  expect(fetch: number, reuse: number): void;
  fetched(bytes: number): void;
}

/** Everything that making, checking and removing releases rests on; one for each configuration that is followed. */
export interface ReleaseStore {
  readonly paths: ReleasePaths;
  readonly settings: ReleaseSettings;
  /** Run while a release is made. */
  readonly threads: AssembleThreads;
  readonly log: Logger;
  readonly progress: ReleaseProgress;
  readonly clock: () => Date;
  /** Ends what is being made. */
  readonly signal: AbortSignal;
}

/** A release that is to be made. */
export interface WantedRelease {
  readonly config: AgentConfig;
  /** What is live, whose files are likely to be in the new release too; undefined on a new host. */
  readonly before: AgentConfig | undefined;
}
