import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { BuildThreads } from './build/build-threads.js';
import type { ReuseMode } from './build/reuse-method.js';
import type { Ownership } from './unpack/tree-task.js';

/** Where the agent keeps things; all paths are absolute. */
export interface AgentPaths {
  /** Archives by hash, and what is downloaded of them. */
  readonly cache: string;
  /** Releases by configuration hash. */
  readonly unpacked: string;
  /** Manifests of layers by digest. */
  readonly manifests: string;
  /** What the files of releases looked like when they were complete, by configuration hash. */
  readonly records: string;
  /** The configuration that the script last ran for with success. */
  readonly state: string;
  /** What a script that runs is told of its configuration (STATEFILE). */
  readonly scriptState: string;
  /** What failed lately and when it may be tried again. */
  readonly attempts: string;
}

export interface AgentSettings {
  readonly name: string;
  /** Absolute, or a word to look up in PATH; undefined for none. */
  readonly script: string | undefined;
  readonly scriptTimeoutMs: number;
  readonly cleanOld: boolean;
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
  /** How unchanged files of earlier releases come into a new one. */
  readonly reuse: ReuseMode;
}

/** What the phases work with; passed to each. */
export interface AgentContext {
  readonly paths: AgentPaths;
  readonly settings: AgentSettings;
  readonly log: Logger;
  /** Run while a release is built. */
  readonly threads: BuildThreads;
  readonly clock: () => Date;
  /** Aborted when the agent is to stop. A running script is not interrupted by it. */
  readonly signal: AbortSignal;
  /** The agent's own environment, of which the script gets a part. */
  readonly env: Readonly<Record<string, string | undefined>>;
}
