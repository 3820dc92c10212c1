import type { DeployState } from './deploy-state.js';
import type { PauseNote } from './pause-note.js';

/** The longest line of either side, in bytes with its newline. */
export const MAX_REPORT_LINE = 64 * 1024;

/** Who an agent is, and which configurations it follows from now on. */
export interface Hello {
  readonly host: string;
  /** The agent's version. */
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly configs: readonly string[];
  /** What the agent does beyond what every agent does; `again`: it marks outcomes that it tells again. */
  readonly features?: readonly string[];
}

/** A release on a host. */
export interface Release {
  readonly revision?: number;
  /** Configuration hash. */
  readonly hash: string;
}

/** How far a configuration is on a host. Times are RFC 3339 UTC by the host's clock. */
export interface StateReport {
  readonly config: string;
  readonly state: DeployState;
  /** Why the attempt is made: `deploy`, `rollback` or `retry`. */
  readonly reason?: string;
  /** Of what is wanted or in flight. */
  readonly revision?: number;
  readonly hash?: string;
  /** From 1: which attempt at this revision. */
  readonly attempt?: number;
  /** Names the attempt; chosen by the agent. */
  readonly deploy?: string;
  /** What runs now, absent before the first release. */
  readonly running?: Release;
  readonly lastGood?: Release;
  /** Since when it is in this state. */
  readonly since?: string;
  readonly progress?: { readonly done: number; readonly total: number };
  readonly error?: { readonly kind: string; readonly message: string };
  /** The tail of the attempt's log. */
  readonly log?: readonly string[];
  /** Milliseconds by phase. */
  readonly timings?: Readonly<Record<string, number>>;
  readonly bytes?: { readonly fetched: number; readonly reused: number };
  /** Somebody on the host paused it. Before `paused` something is in progress still. */
  readonly pause?: PauseNote;
  /** When a rejected or vetoed revision is tried again. */
  readonly notBefore?: string;
  /** An outcome that the registry may not have stored: reported for the history; it is not the state of now. */
  readonly again?: boolean;
}

/** A line of an agent. */
export type AgentLine =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'state'; readonly report: StateReport }
  | { readonly type: 'heartbeat' };

/** A line of a registry. */
export type RegistryLine =
  /** The name that the host is known by. */
  | { readonly type: 'welcome'; readonly host: string }
  /** The last line: what was said is not accepted. */
  | { readonly type: 'refused'; readonly error: string }
  /** The outcome of this attempt is stored. */
  | { readonly type: 'ack'; readonly deploy: string; readonly state: DeployState }
  /** Try the rejected revision again now. */
  | { readonly type: 'retry'; readonly config: string }
  /** End the deployment in progress; said to agents with the feature "cancel". `by` names who says so. */
  | { readonly type: 'cancel'; readonly config: string; readonly by: string }
  | { readonly type: 'heartbeat' };
