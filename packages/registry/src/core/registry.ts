import type { Logger } from '@deploy-tools/shared/log.js';
import type { LayerFiles } from '../ingest/layer-files.js';
import type { VerifiedLayer } from '../ingest/verify-layer.js';
import type { ByteStore } from '../layers/byte-store.js';
import type { DerivedStore } from '../layers/derived-store.js';
import type { Digester } from '../layers/digester.js';
import type { MetaStore } from '../meta/meta-store.js';
import type { ClockTrust } from './clock-trust.js';
import type { ConfigurationEvents } from './configuration-events.js';
import type { DiskSpace } from './disk-space.js';
import type { Fleet } from './fleet/fleet.js';
import type { HistoryBounds } from './fleet/history-bounds.js';
import type { Heartbeats } from './heartbeats.js';
import type { Indexer } from './indexer.js';
import type { NoticeDesk } from './notices/notice-desk.js';
import type { TrackRunner } from './tracks/track-runner.js';

/** Reads a manifest and its pack through and compares them: see ingest/verify-pack.ts. */
export type VerifyLayer = (files: LayerFiles, signal: AbortSignal) => Promise<VerifiedLayer>;

/** What the rules stand on. Passed to every rule; compose.ts makes it. */
export interface Registry {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  /** What uploads may take of the disk. */
  readonly space: DiskSpace;
  readonly events: ConfigurationEvents;
  /** The hosts that report. */
  readonly fleet: Fleet;
  /** Those who are told what happens. */
  readonly notices: NoticeDesk;
  /** The signs of life of watches and reports. */
  readonly heartbeats: Heartbeats;
  readonly derived: DerivedStore;
  readonly indexer: Indexer;
  /** The sources that are followed. */
  readonly tracks: TrackRunner;
  /** What is wrong with the key files now, a sentence each, for operators. */
  readonly keyTroubles: () => readonly string[];
  readonly openDigester: () => Digester;
  readonly verify: VerifyLayer;
  readonly clock: () => Date;
  /** Whether that clock may decide what is too old to be kept. */
  readonly clockTrust: ClockTrust;
  readonly log: Logger;
  /** Aborted when the registry stops and the grace period is over. */
  readonly stopping: AbortSignal;
  readonly limits: RegistryLimits;
}

export interface RegistryLimits {
  /** Newest versions of a component that housekeeping keeps, besides those in use. */
  readonly keepVersions: number;
  /** How long an upload can be named by its hash, in milliseconds. */
  readonly uploadTtlMs: number;
  /** The largest upload, in bytes. */
  readonly maxUpload: number;
  /** Bytes that uploads must leave free on the disk. */
  readonly minFree: number;
  /** How long the audit log is kept, in milliseconds. */
  readonly auditKeepMs: number;
  /** How long what hosts deployed is kept, in milliseconds. */
  readonly historyKeepMs: number;
  readonly historySize: HistoryBounds;
  /** Directories of the registry's host below which tracks may follow directories; absolute. */
  readonly trackFiles: readonly string[];
  /** Versions may be made of what is no safe archive, too. */
  readonly unchecked: boolean;
}

/** Now, as the registry writes it: RFC 3339 UTC with milliseconds. */
export function timestamp(registry: Pick<Registry, 'clock'>): string {
  return registry.clock().toISOString();
}

/** The time `ms` milliseconds ago, written like {@link timestamp}. */
export function timestampBefore(registry: Registry, ms: number): string {
  return new Date(registry.clock().getTime() - ms).toISOString();
}
