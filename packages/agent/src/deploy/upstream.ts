import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { ErrorKind } from '@deploy-tools/shared/errors.js';
import type { Release } from '../release/release-directory.js';
import type { ReleaseStore, WantedRelease } from '../release/release-store.js';

/** Where a host learns which release it is to run, and gets that release from: a registry, or a source. */
export interface Upstream {
  /** @returns what this host is to run. @throws DeployError connect, auth, not-found, as the upstream says; AbortError. */
  wanted(signal: AbortSignal): Promise<AgentConfig>;
  /**
   * What this host is to run, asked while a deployment is in progress.
   * @returns undefined where asking would fetch something, as with a source, which is polled between deployments only.
   */
  wantedHash(signal: AbortSignal): Promise<string | undefined>;
  /** Makes the directory of a release. @throws DeployError as making a release; connect, auth; AbortError. */
  make(store: ReleaseStore, wanted: WantedRelease): Promise<Release>;
  /** Makes a lost connection again, where the upstream keeps one. @throws DeployError connect, auth. */
  reach(): Promise<void>;
  /** Drops a connection over which another try would not do better. @param why the kind of what went wrong. */
  drop(why: ErrorKind): void;
  /** How long to leave the upstream alone after a failure, in milliseconds; undefined where the caller decides. */
  retryAfterMs(): number | undefined;
  /** How long to wait before the next connection, in milliseconds; longer with each call until one has lasted. */
  redialMs(): number;
}

/** How a registry is reached now. */
export interface LinkState {
  readonly isConnected: boolean;
  /** Since when; undefined before the first try. */
  readonly since: Date | undefined;
  /** Why there is no connection, where that is known. */
  readonly error?: string;
}
