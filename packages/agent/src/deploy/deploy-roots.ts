import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Root } from '../process/script/script-environment.js';
import type { Reason } from './journal.js';

/** The releases of a deployment, as scripts and hooks get them. */
export interface DeployRoots {
  /** Undefined on a new host. */
  readonly old: Root | undefined;
  readonly next: Root;
  /** Of `next`. */
  readonly config: AgentConfig;
  readonly reason: Reason;
  /** From 1: which attempt at the revision. */
  readonly attempt: number;
}

/** The release of a configuration and its directory, which need not exist. */
export function rootOf(unpacked: string, config: AgentConfig): Root {
  return { id: config.hash, root: join(unpacked, config.hash) };
}
