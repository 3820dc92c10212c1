import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dispatcher } from '@deploy-tools/registry/commands/dispatch.js';
import { accessTo } from '@deploy-tools/registry/core/access.js';
import { AuditLog } from '@deploy-tools/registry/core/audit-log.js';
import { ClockTrust } from '@deploy-tools/registry/core/clock-trust.js';
import { Configurations } from '@deploy-tools/registry/core/configurations.js';
import { DiskSpace } from '@deploy-tools/registry/core/disk-space.js';
import { Fleet } from '@deploy-tools/registry/core/fleet/fleet.js';
import type { Speaker } from '@deploy-tools/registry/core/fleet/presence.js';
import { Fsck } from '@deploy-tools/registry/core/fsck.js';
import { Heartbeats } from '@deploy-tools/registry/core/heartbeats.js';
import { Housekeeping } from '@deploy-tools/registry/core/housekeeping.js';
import type { Ingest } from '@deploy-tools/registry/core/index-archive.js';
import { Indexer } from '@deploy-tools/registry/core/indexer.js';
import type { RegistryLimits } from '@deploy-tools/registry/core/limits.js';
import { Notifier } from '@deploy-tools/registry/core/notices/notifier.js';
import type { Principal } from '@deploy-tools/registry/core/principal.js';
import { openTrack } from '@deploy-tools/registry/core/tracks/open-track.js';
import { TrackRunner } from '@deploy-tools/registry/core/tracks/track-runner.js';
import { Tracks } from '@deploy-tools/registry/core/tracks/tracks.js';
import { Uploads } from '@deploy-tools/registry/core/uploads.js';
import { Versions } from '@deploy-tools/registry/core/versions.js';
import { Watches } from '@deploy-tools/registry/core/watch.js';
import { FileByteStore } from '@deploy-tools/registry/layers/file-byte-store.js';
import { FileDerivedStore } from '@deploy-tools/registry/layers/file-derived-store.js';
import { FileDigester } from '@deploy-tools/registry/layers/file-digester.js';
import { FileReadMarks } from '@deploy-tools/registry/layers/file-read-marks.js';
import type { ReadMarks } from '@deploy-tools/registry/layers/read-marks.js';
import type { MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { createLogger, type Logger } from '@deploy-tools/shared/log.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import { onTestFinished } from 'vitest';
import { textIngest, textVerify } from './text-ingest.js';

/** What the features stand on. */
interface Ports {
  readonly dir: string;
  readonly meta: MetaStore;
  readonly bytes: FileByteStore;
  readonly derived: FileDerivedStore;
  readonly marks: ReadMarks;
  readonly indexer: Indexer;
  readonly fleet: Fleet;
  readonly notices: Notifier;
  readonly space: DiskSpace;
  readonly heartbeats: Heartbeats;
  readonly audit: AuditLog;
  readonly clock: () => Date;
  readonly clockTrust: ClockTrust;
  readonly stopping: AbortSignal;
  readonly limits: RegistryLimits;
  readonly log: Logger;
}

/** The features and their ports: whatever a rule or an edge takes. */
export interface TestRegistry extends Features {
  /** Moves the registry's clock on, and the steady one. */
  pass(ms: number): void;
  /** Sets the registry's clock alone. */
  jump(ms: number): void;
  /** Closes and removes it; done by itself when a test is over, where it was opened in one. */
  close(): Promise<void>;
}

type Features = ReturnType<typeof featuresOn>;

function featuresOn(ports: Ports) {
  const { dir, limits, log } = ports;
  const configurations = new Configurations(ports);
  const { events } = configurations;
  const versions = new Versions(ports);
  const uploads = new Uploads(ports);
  const runner = new TrackRunner({
    ...{ ...ports, configurations, versions, uploads },
    random: () => 0.5,
    incoming: join(dir, 'incoming'),
    open: (track) => openTrack(track, limits.trackFiles, { environment: {}, log }),
  });
  const rules = {
    ...{ ...ports, events, configurations, versions, uploads },
    watches: new Watches({ ...ports, events }),
    housekeeping: new Housekeeping(ports),
    fsck: new Fsck({ ...ports, openDigester: () => new FileDigester(), verify: textVerify }),
    tracks: new Tracks({ ...ports, configurations, runner }),
  };
  const { audit } = ports;
  return {
    ...rules,
    runner,
    dispatcher: new Dispatcher({ registry: rules, audit, log, keyTroubles: () => [] }),
  };
}

/** The same registry, with its features on other ports. */
export function onPorts(registry: TestRegistry, ports: Partial<Ports>): TestRegistry {
  return { ...registry, ...ports, ...featuresOn({ ...registry, ...ports }) };
}

export const MINUTE = 60_000;

/** For what nobody stops. */
export const NEVER: AbortSignal = new AbortController().signal;

export const OPERATOR: Principal = {
  role: 'operator',
  user: 'ops',
  fingerprint: 'SHA256:operator',
  comment: 'ops@example',
  address: '192.0.2.1',
  access: accessTo(undefined),
};

export const AGENT: Principal = {
  ...OPERATOR,
  role: 'agent',
  user: 'deploy-agent',
  fingerprint: 'SHA256:agent',
};

/** An agent's key that is bound to no host. */
export const SPEAKER: Speaker = {
  key: { fingerprint: AGENT.fingerprint, comment: AGENT.comment },
  address: AGENT.address,
  access: AGENT.access,
  pace: new RateLimit({ perSecond: 1e9, burst: 1e9, now: () => 0 }),
  outcomes: new Turns(1),
  refusal: () => undefined,
  owns: () => false,
};

const LIMITS: RegistryLimits = {
  keepVersions: 10,
  uploadTtlMs: 30 * MINUTE,
  maxUpload: 1024 ** 3,
  minFree: 0,
  auditKeepMs: 365 * 24 * 60 * MINUTE,
  historyKeepMs: 90 * 24 * 60 * MINUTE,
  historySize: { total: 1e9, perKey: 1e9 },
  trackFiles: [],
  unchecked: false,
};

/** Hosts are lost after 45 s of the test's clock. */
export const FLEET = {
  lostAfterMs: 45_000,
  maxFollows: 1000,
  maxFollowsPerKey: 500,
  minFree: 0,
  historySize: LIMITS.historySize,
} as const;

/** The rules over real adapters in a temporary directory, with a clock that stands still, for archives that are texts. */
export async function openRegistry(
  limits: Partial<RegistryLimits> = {},
  ingest: Ingest = textIngest,
): Promise<TestRegistry> {
  const registry = await openLastingRegistry(limits, ingest);
  onTestFinished(() => registry.close());
  return registry;
}

/** As {@link openRegistry}, to be closed by the caller: for hooks. */
export async function openLastingRegistry(
  limits: Partial<RegistryLimits> = {},
  ingest: Ingest = textIngest,
): Promise<TestRegistry> {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  const meta = SqliteMetaStore.open(join(dir, 'registry.db'));
  let now = Date.now(); // files have the time of the machine
  let ahead = 0;
  const bytes = await FileByteStore.open(dir);
  const derived = await FileDerivedStore.open(dir);
  const log = await createLogger('test', 'silent');
  const clock = () => new Date(now + ahead);
  const marks = await FileReadMarks.open(dir, clock);
  const stores = { meta, bytes, derived, marks, clock, log };
  const indexer = new Indexer({ ...stores, ingest, policy: DEFAULT_UNPACK_POLICY, minFree: 0 });
  const notices = await Notifier.open({ ...stores, environment: {}, programs: 'none' });
  const allLimits = { ...LIMITS, ...limits };
  const { minFree, historySize } = allLimits;
  const fleet = await Fleet.open({ ...FLEET, ...stores, minFree, historySize, steady: () => now });
  const clockTrust = await ClockTrust.open({ ...stores, steady: () => now });
  const ports: Ports = {
    ...{ ...stores, indexer, notices, fleet, clockTrust, limits: allLimits, stopping: NEVER },
    audit: new AuditLog(stores),
    heartbeats: new Heartbeats(10_000),
    space: new DiskSpace(bytes, minFree),
    dir,
  };
  const features = featuresOn(ports);
  return {
    ...ports,
    ...features,
    pass: (ms) => {
      now += ms;
    },
    jump: (ms) => {
      ahead += ms;
    },
    close: async () => {
      await features.runner.stop();
      await indexer.stop();
      await notices.close(0);
      await fleet.close();
      await meta.close();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Uploads a text as an operator. @returns its hash. */
export async function upload(
  registry: TestRegistry,
  content: string | Buffer,
  owner = OPERATOR.fingerprint,
): Promise<string> {
  const opened = await registry.uploads.begin(owner);
  await opened.write(Buffer.from(content), 0);
  return (await opened.seal(NEVER)).hash;
}

/** Uploads a text and names it. */
export async function addText(
  registry: TestRegistry,
  component: string,
  version: string,
  content = `${component}:${version}`,
): Promise<ComponentVersion> {
  const hash = await upload(registry, content);
  return (await registry.versions.add({ component, version, hash })).version;
}
