import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { ErrorKind } from '@deploy-tools/shared/errors.js';
import type { Release } from '../release/release-directory.js';
import type { ReleaseStore, WantedRelease } from '../release/release-store.js';

/** Says which release this host is to run, and provides it: a registry or a source. */
export interface Upstream {
  /** Polls for the wanted configuration. @throws DeployError connect, auth, not-found; AbortError. */
  wanted(signal: AbortSignal): Promise<AgentConfig>;
  /**
   * Polls for the wanted configuration hash while a deployment is in progress.
   * @returns undefined for a source, whose poll would download the release: it is polled between deployments only.
   */
  wantedHash(signal: AbortSignal): Promise<string | undefined>;
  /** Makes the directory of a release. @throws DeployError as makeRelease; connect, auth; AbortError. */
  make(store: ReleaseStore, wanted: WantedRelease): Promise<Release>;
  /** Connects, where the upstream keeps a connection and has none. @throws DeployError connect, auth. */
  reach(): Promise<void>;
  /** Ends a connection that is of no use any more. @param why the kind of its error. */
  drop(why: ErrorKind): void;
  /** How long to wait after a failure, in milliseconds; undefined where the caller decides. */
  retryAfterMs(): number | undefined;
  /** How long to wait before the next connection, in milliseconds: longer with each call, until a connection has lasted. */
  redialMs(): number;
}

/** The state of the connection to a registry. */
export interface LinkState {
  readonly isConnected: boolean;
  /** Of this state; undefined before the first try. */
  readonly since: Date | undefined;
  /** The error that ended the connection, where it is known. */
  readonly error?: string;
}
