import type { StateReport } from '@deploy-tools/shared/report/report.js';

/** The key that spoke for a host, and from where. */
export interface AgentKey {
  readonly fingerprint: string;
  readonly comment: string;
}

/** A host that has reported. Times are RFC 3339 UTC by the registry's clock. */
export interface HostRecord {
  readonly host: string;
  /** The key that the name belongs to. */
  readonly key: AgentKey;
  /** The agent's version. */
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly firstSeen: string;
}

/** A configuration that a host follows, and what it last said of it. */
export interface HostState {
  readonly host: string;
  readonly configuration: string;
  /** Without its log; undefined when it said nothing yet. */
  readonly report: StateReport | undefined;
  /** When what it says last changed. */
  readonly changed: string;
  /** When it was last heard, as far as that was written down. */
  readonly contact: string;
}

/** Why a log is not there: it was removed to make room, or the disk had none when it came. */
export type LogGap = 'removed' | 'no-space';

export interface DeployLog {
  /** Empty when the host sent none. */
  readonly lines: readonly string[];
  /** Absent when nothing is missing. */
  readonly gap?: LogGap;
}

/** The log of what a host is doing, before it has an outcome. */
export interface HostLog extends DeployLog {
  /** The attempt that it is of; empty when the agent did not name it. */
  readonly deploy: string;
}

/** One attempt of a host, with its outcome. */
export interface DeployRecord {
  /** When the outcome was reported. */
  readonly time: string;
  readonly host: string;
  readonly key: AgentKey;
  /** The host's IP address. */
  readonly address: string;
  /** Its last state line, without the log; `deploy` names the attempt. */
  readonly report: StateReport & { readonly deploy: string };
}

/** All conditions must hold; absent ones always do. */
export interface DeployQuery {
  readonly configuration?: string;
  readonly host?: string;
  /** A configuration or a host of this name. */
  readonly subject?: string;
  /** A whole fingerprint, or a part of the comment. */
  readonly who?: string;
  readonly deploy?: string;
  /** RFC 3339 UTC, inclusive. */
  readonly since?: string;
  /** Only attempts that did not end healthy. */
  readonly failed?: boolean;
  /** The newest this many. */
  readonly limit: number;
}

/** The newest deploys of a host and a configuration: of one key's, they go last. */
export const RECENT_DEPLOYS = 10;

/** What has a bound of its own: the logs of deploys, and the deploys without them. */
export type HistoryPart = 'logs' | 'deploys';

/** In bytes, about as the disk has them. */
export interface HistorySize {
  readonly total: number;
  /** The key with the most of it; absent when there is none. */
  readonly fullest?: { readonly fingerprint: string; readonly bytes: number };
}

/** How many hosts' last attempt at a revision ended so. */
export interface Landing {
  readonly revision: number;
  readonly state: string;
  readonly hosts: number;
}

/** A host's last attempt at a revision. */
export interface Attempt {
  readonly host: string;
  readonly revision: number;
  /** The configuration hash that the host named; undefined when it named none. */
  readonly hash: string | undefined;
  readonly state: string;
}

/** What hosts reported, as a transaction sees it. An unknown name gives undefined or an empty list, never an error. */
export interface FleetReader {
  /** By name. */
  hosts(): Promise<readonly HostRecord[]>;
  /** By host and configuration. */
  hostStates(): Promise<readonly HostState[]>;
  hostLog(host: string, configuration: string): Promise<HostLog | undefined>;
  /** In the order in which they were reported first, whatever their times say. */
  deploys(query: DeployQuery): Promise<readonly DeployRecord[]>;
  deployLog(host: string, configuration: string, deploy: string): Promise<DeployLog>;
  /** Of what is kept of deploys. Sums that are kept, so it costs the same however many there are. */
  historySize(part: HistoryPart): Promise<HistorySize>;
  /** Each host's last attempt at each revision from this one on, in the order in which they were reported first. */
  attempts(configuration: string, fromRevision: number): Promise<readonly Attempt[]>;
  /** Of the revisions from this one on, by revision and state. */
  landings(configuration: string, fromRevision: number): Promise<readonly Landing[]>;
  /** How many attempts at a revision did not end healthy on the host where most did not; 0 when there is none. */
  mostFailures(configuration: string, revision: number): Promise<number>;
}

export interface FleetWriter extends FleetReader {
  /** Inserts it, or replaces what was known but for `firstSeen`. */
  putHost(record: HostRecord): Promise<void>;
  /** With its states and logs; its deploys stay. Deleting what is not there does nothing. */
  deleteHost(host: string): Promise<void>;
  /** Inserts it, or replaces what was known; the log stays. */
  putHostState(state: HostState): Promise<void>;
  /** Does nothing where there is no state. */
  putHostLog(host: string, configuration: string, log: HostLog): Promise<void>;
  /** Does nothing where there is no state. */
  touchHostState(host: string, configuration: string, contact: string): Promise<void>;
  deleteHostState(host: string, configuration: string): Promise<void>;
  /**
   * Appends an attempt. One that is known (host, configuration and deploy) keeps its place: its outcome is replaced by
   * another one, but never by `failed`, for that is what precedes a rollback; no log keeps the log that was there.
   * @param log or why there is none.
   */
  putDeploy(record: DeployRecord, log: readonly string[] | LogGap): Promise<void>;
  /**
   * Makes room, of a key's deploys: their logs, which are `removed` from then on, or the deploys with their logs. The
   * oldest go first, the newest RECENT_DEPLOYS of each host and configuration last; no more than some dozens in one call.
   * @param bytes that are to be freed. @returns bytes that were freed, 0 when there is nothing left.
   */
  dropOldest(part: HistoryPart, fingerprint: string, bytes: number): Promise<number>;
  /** Leaves the newest this many of a host and a configuration. @returns how many were deleted. */
  trimDeploys(host: string, configuration: string, keep: number): Promise<number>;
  /**
   * Spares the newest RECENT_DEPLOYS of each host and configuration; no more than some hundreds in one call.
   * @returns how many were deleted, 0 when there is none left.
   */
  deleteDeploysBefore(time: string): Promise<number>;
}
