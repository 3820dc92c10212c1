import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { OpenUrl } from '@deploy-tools/sources/opened-object.js';
import type { Timers } from '../../host/timers.js';
import type { OnLine } from '../../process/script/run-output.js';
import type { Ownership } from '../../release/unpack/tree-task.js';
import type { DeployLog } from './deploy-log.js';
import type { FetchContext } from './download.js';
import type { Retries } from './with-retries.js';

export interface DeployFileSettings {
  readonly maxBytesPerSecond: number | undefined;
  /** The upper bound of a random delay before the deployment. */
  readonly randomDelayMs: number;
  readonly retries: Retries;
  /** Whether the log names each file that changes. */
  readonly verbose: boolean;
  /** Whether to wait for another deployment to the same destination; else that is an error. */
  readonly waits: boolean;
  /** A path. */
  readonly allowedSigners: string | undefined;
  /** Whether the manifest has to be signed too, at its URL with `.sig` at the end. */
  readonly signedDeployFile: boolean;
  /** Old releases that the strategy `release` keeps. */
  readonly keep: number;
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
}

export interface DeployContext {
  readonly settings: DeployFileSettings;
  readonly open: OpenUrl;
  /** For commands and template variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timers: Timers;
  readonly log: DeployLog;
  /** Gets the output of the commands at the end. */
  readonly print: OnLine;
  readonly signal: AbortSignal;
}

/** The part of a context that downloads need. */
export function fetchContext({ settings, open, timers, log, signal }: DeployContext): FetchContext {
  return { retries: settings.retries, open, timers, log: log.line, signal };
}
