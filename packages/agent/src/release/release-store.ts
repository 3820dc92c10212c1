import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AssembleThreads } from './assemble/assemble-threads.js';
import type { ReuseMode } from './assemble/reuse-method.js';
import type { Ownership } from './unpack/tree-task.js';

/** Directories of releases and of their parts. All paths are absolute. */
export interface ReleasePaths {
  /** Archives by hash, and partial downloads. */
  readonly cache: string;
  /** Releases by configuration hash. */
  readonly unpacked: string;
  /** Layer manifests by digest. */
  readonly manifests: string;
  /** Records of the files of complete releases, by configuration hash. */
  readonly records: string;
}

export interface ReleaseSettings {
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
  /** How unchanged files of earlier releases get into a new one. */
  readonly reuse: ReuseMode;
}

/** Receives the progress of making a release. */
export interface ReleaseProgress {
  /** @param fetch bytes that will be fetched. @param reuse bytes that are on this host already. */
  expect(fetch: number, reuse: number): void;
  fetched(bytes: number): void;
}

/** The tools to make, check and remove releases; one for each followed configuration. */
export interface ReleaseStore {
  readonly paths: ReleasePaths;
  readonly settings: ReleaseSettings;
  readonly threads: AssembleThreads;
  readonly log: Logger;
  readonly progress: ReleaseProgress;
  readonly clock: () => Date;
  readonly signal: AbortSignal;
}

/** A release that is to be made. */
export interface WantedRelease {
  readonly config: AgentConfig;
  /** The live release, whose files are likely to be in the new one too; undefined on a new host. */
  readonly before: AgentConfig | undefined;
}
