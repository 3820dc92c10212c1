import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessTo } from '@deploy-tools/registry/core/access.js';
import { ClockTrust } from '@deploy-tools/registry/core/clock-trust.js';
import { ConfigurationEvents } from '@deploy-tools/registry/core/configuration-events.js';
import { DiskSpace } from '@deploy-tools/registry/core/disk-space.js';
import { Fleet } from '@deploy-tools/registry/core/fleet/fleet.js';
import type { Speaker } from '@deploy-tools/registry/core/fleet/presence.js';
import { Heartbeats } from '@deploy-tools/registry/core/heartbeats.js';
import type { Ingest } from '@deploy-tools/registry/core/index-archive.js';
import { Indexer } from '@deploy-tools/registry/core/indexer.js';
import { NoticeDesk } from '@deploy-tools/registry/core/notices/notice-desk.js';
import type { Principal } from '@deploy-tools/registry/core/principal.js';
import type { Registry, RegistryLimits } from '@deploy-tools/registry/core/registry.js';
import { openTrack } from '@deploy-tools/registry/core/tracks/open-track.js';
import { TimedTrackRunner } from '@deploy-tools/registry/core/tracks/timed-track-runner.js';
import { beginUpload } from '@deploy-tools/registry/core/uploads.js';
import { addVersion } from '@deploy-tools/registry/core/versions.js';
import { FileByteStore } from '@deploy-tools/registry/layers/file-byte-store.js';
import { FileDerivedStore } from '@deploy-tools/registry/layers/file-derived-store.js';
import { FileDigester } from '@deploy-tools/registry/layers/file-digester.js';
import { FileReadMarks } from '@deploy-tools/registry/layers/file-read-marks.js';
import type { ReadMarks } from '@deploy-tools/registry/layers/read-marks.js';
import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import { onTestFinished } from 'vitest';
import { textIngest, textVerify } from './text-ingest.js';

export interface TestRegistry extends Registry {
  readonly dir: string;
  readonly marks: ReadMarks;
  /** Moves the registry's clock on, and the steady one. */
  pass(ms: number): void;
  /** Sets the registry's clock alone. */
  jump(ms: number): void;
  /** Closes and removes it; done by itself when a test is over, where it was opened in one. */
  close(): Promise<void>;
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
  const notices = await NoticeDesk.open({ ...stores, environment: {}, programs: 'none' });
  const allLimits = { ...LIMITS, ...limits };
  const { minFree, historySize } = allLimits;
  const fleet = await Fleet.open({ ...FLEET, ...stores, minFree, historySize, steady: () => now });
  const tracks = new TimedTrackRunner({
    registry: () => registry,
    random: () => 0.5,
    incoming: join(dir, 'incoming'),
    open: (track) => openTrack(track, allLimits.trackFiles, { environment: {}, log }),
  });
  const registry: TestRegistry = {
    ...stores,
    clockTrust: await ClockTrust.open({ ...stores, steady: () => now }),
    space: new DiskSpace(bytes, allLimits.minFree),
    tracks,
    dir,
    indexer,
    fleet,
    notices,
    events: new ConfigurationEvents(),
    heartbeats: new Heartbeats(10_000),
    keyTroubles: () => [],
    openDigester: () => new FileDigester(),
    verify: textVerify,
    stopping: new AbortController().signal,
    limits: allLimits,
    pass: (ms) => {
      now += ms;
    },
    jump: (ms) => {
      ahead += ms;
    },
    close: async () => {
      await tracks.stop();
      await indexer.stop();
      await notices.close(0);
      await fleet.close();
      await meta.close();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return registry;
}

/** Uploads a text as an operator. @returns its hash. */
export async function upload(
  registry: Registry,
  content: string | Buffer,
  owner = OPERATOR.fingerprint,
): Promise<string> {
  const opened = await beginUpload(registry, owner);
  await opened.write(Buffer.from(content), 0);
  return (await opened.seal(NEVER)).hash;
}

/** Uploads a text and names it. */
export async function addText(
  registry: Registry,
  component: string,
  version: string,
  content = `${component}:${version}`,
): Promise<ComponentVersion> {
  const hash = await upload(registry, content);
  return (await addVersion(registry, { component, version, hash })).version;
}
