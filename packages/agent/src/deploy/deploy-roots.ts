import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Root } from '../process/script/script-environment.js';
import type { Reason } from './journal.js';

/** The old and the new release of a deployment, as scripts and hooks get them. */
export interface DeployRoots {
  /** Undefined on a new host. */
  readonly old: Root | undefined;
  readonly next: Root;
  /** What `next` holds. */
  readonly config: AgentConfig;
  readonly reason: Reason;
  /** From 1: which attempt at the revision. */
  readonly attempt: number;
}

/** A configuration's release and its directory, whether that exists or not. */
export function rootOf(unpacked: string, config: AgentConfig): Root {
  return { id: config.hash, root: join(unpacked, config.hash) };
}
