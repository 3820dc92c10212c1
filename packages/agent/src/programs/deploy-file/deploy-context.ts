import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { OpenUrl } from '@deploy-tools/sources/opened-object.js';
import type { Timers } from '../../host/timers.js';
import type { OnLine } from '../../process/script/run-output.js';
import type { Ownership } from '../../release/unpack/tree-task.js';
import type { DeployLog } from './deploy-log.js';
import type { Retries } from './with-retries.js';

/** What the flags say. */
export interface DeployFileSettings {
  readonly maxBytesPerSecond: number | undefined;
  /** Waits a random part of it first. */
  readonly randomDelayMs: number;
  readonly retries: Retries;
  /** Whether the log names each file that changes. */
  readonly verbose: boolean;
  /** Whether to wait while another deploys to the same destination; else that is an error. */
  readonly waits: boolean;
  /** Path of the file that says whose signatures count. */
  readonly allowedSigners: string | undefined;
  /** Whether the manifest has to be signed too, at its URL with `.sig` at the end. */
  readonly signedDeployFile: boolean;
  /** Old releases of the strategy `release`. */
  readonly keep: number;
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
}

/** What one deployment works with. */
export interface DeployContext {
  readonly settings: DeployFileSettings;
  readonly open: OpenUrl;
  /** Of the commands, and of what is filled in. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timers: Timers;
  readonly log: DeployLog;
  /** Where what the commands at the end print goes. */
  readonly print: OnLine;
  readonly signal: AbortSignal;
}
