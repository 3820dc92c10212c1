import type { StateReport } from '@deploy-tools/shared/report/report.js';

/** The key of an agent. */
export interface AgentKey {
  readonly fingerprint: string;
  readonly comment: string;
}

/** A host that has reported. Times are RFC 3339 UTC by the registry's clock. */
export interface HostRecord {
  readonly host: string;
  /** The key that owns the host's name. */
  readonly key: AgentKey;
  /** The agent's version. */
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly firstSeen: string;
}

/** A configuration that a host follows, and its last report. */
export interface HostState {
  readonly host: string;
  readonly configuration: string;
  /** Without its log; undefined before the first report. */
  readonly report: StateReport | undefined;
  /** The time of the last change of the report. */
  readonly changed: string;
  /** The last contact that was stored. */
  readonly contact: string;
}

/** The reason for a missing log: it was removed to make room, or the disk had no room when it came. */
export type LogGap = 'removed' | 'no-space';

export interface DeployLog {
  /** Empty when the host sent none. */
  readonly lines: readonly string[];
  /** Absent when nothing is missing. */
  readonly gap?: LogGap;
}

/** The log of an attempt that has no outcome yet. */
export interface HostLog extends DeployLog {
  /** The name of the attempt; empty when the agent gave none. */
  readonly deploy: string;
}

/** An attempt of a host, with its outcome. */
export interface DeployRecord {
  /** When the outcome was reported. */
  readonly time: string;
  readonly host: string;
  readonly key: AgentKey;
  /** The host's IP address. */
  readonly address: string;
  /** The last report of the attempt, without its log; `deploy` names the attempt. */
  readonly report: StateReport & { readonly deploy: string };
}

/** All conditions must hold; absent ones always do. */
export interface DeployQuery {
  readonly configuration?: string | undefined;
  readonly host?: string | undefined;
  /** A configuration or a host of this name. */
  readonly subject?: string | undefined;
  /** A whole fingerprint, or a part of the comment. */
  readonly who?: string | undefined;
  readonly deploy?: string | undefined;
  /** RFC 3339 UTC, inclusive. */
  readonly since?: string | undefined;
  /** Only attempts that did not end healthy. */
  readonly failed?: boolean | undefined;
  /** The most attempts, of which the newest are taken. */
  readonly limit: number;
}

/** The number of newest deploys of a host and a configuration that are removed last. */
export const RECENT_DEPLOYS = 10;

/** A part of the history with a bound of its own: the logs of deploys, or the deploys without their logs. */
export type HistoryPart = 'logs' | 'deploys';

/** Sizes in bytes, about as on the disk. */
export interface HistorySize {
  readonly total: number;
  /** The key with the largest share; absent when there is no history. */
  readonly fullest?: { readonly fingerprint: string; readonly bytes: number } | undefined;
}

/** The number of hosts whose last attempt at a revision ended in a state. */
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

/** The reads of hosts and their reports. An unknown name gives undefined or an empty list, never an error. */
export interface FleetReader {
  /** By name. */
  hosts(): Promise<readonly HostRecord[]>;
  /** By host and configuration. */
  hostStates(): Promise<readonly HostState[]>;
  hostLog(host: string, configuration: string): Promise<HostLog | undefined>;
  /** In the order of their first reports, whatever their times are. */
  deploys(query: DeployQuery): Promise<readonly DeployRecord[]>;
  deployLog(host: string, configuration: string, deploy: string): Promise<DeployLog>;
  /** The size of a part of the history; from stored sums, so it takes the same time for any size. */
  historySize(part: HistoryPart): Promise<HistorySize>;
  /** Each host's last attempt at each revision from this one on, in the order of their first reports. */
  attempts(configuration: string, fromRevision: number): Promise<readonly Attempt[]>;
  /** The landings of the revisions from this one on, by revision and state. */
  landings(configuration: string, fromRevision: number): Promise<readonly Landing[]>;
  /** The largest number of attempts at a revision that did not end healthy on one host; 0 when there is none. */
  mostFailures(configuration: string, revision: number): Promise<number>;
}

export interface FleetWriter extends FleetReader {
  /** Inserts a host, or replaces its record except `firstSeen`. */
  putHost(record: HostRecord): Promise<void>;
  /** Deletes a host with its states and logs; its deploys stay. An unknown host is not an error. */
  deleteHost(host: string): Promise<void>;
  /** Inserts a state, or replaces it; the log stays. */
  putHostState(state: HostState): Promise<void>;
  /** Does nothing where there is no state. */
  putHostLog(host: string, configuration: string, log: HostLog): Promise<void>;
  /** Does nothing where there is no state. */
  touchHostState(host: string, configuration: string, contact: string): Promise<void>;
  deleteHostState(host: string, configuration: string): Promise<void>;
  /**
   * Appends an attempt. A known attempt (host, configuration and deploy) keeps its place, and a different outcome replaces its
   * outcome. `failed` replaces none, because it precedes a rollback. An empty log keeps the stored log.
   * @param log of the attempt, or the reason why it is missing.
   */
  putDeploy(record: DeployRecord, log: readonly string[] | LogGap): Promise<void>;
  /**
   * Removes the oldest logs of a key's deploys, or its oldest deploys with their logs, some dozens at most in one call. The
   * newest RECENT_DEPLOYS of each host and configuration are removed last.
   * @param bytes to free. @returns bytes that were freed, 0 when there is nothing left.
   */
  dropOldest(part: HistoryPart, fingerprint: string, bytes: number): Promise<number>;
  /** Keeps the newest `keep` deploys of a host and a configuration. @returns the number of deleted ones. */
  trimDeploys(host: string, configuration: string, keep: number): Promise<number>;
  /**
   * Deletes old deploys, some hundreds at most in one call; the newest RECENT_DEPLOYS of each host and configuration stay.
   * @returns the number of deleted deploys, 0 when there is none left.
   */
  deleteDeploysBefore(time: string): Promise<number>;
}
