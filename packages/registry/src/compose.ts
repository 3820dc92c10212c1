import { isAbsolute, join, resolve } from 'node:path';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { ClockTrust } from './core/clock-trust.js';
import { ConfigurationEvents } from './core/configuration-events.js';
import { DiskSpace } from './core/disk-space.js';
import { Fleet } from './core/fleet/fleet.js';
import { Heartbeats } from './core/heartbeats.js';
import { forgetLostUploads } from './core/housekeeping.js';
import type { Ingest } from './core/index-archive.js';
import { Indexer } from './core/indexer.js';
import { NoticeDesk } from './core/notices/notice-desk.js';
import type { Registry, RegistryLimits, VerifyLayer } from './core/registry.js';
import { openTrack } from './core/tracks/open-track.js';
import { TimedTrackRunner } from './core/tracks/timed-track-runner.js';
import { ingestArchive } from './ingest/ingest-archive.js';
import { LayerTaskRunner } from './ingest/layer-task-runner.js';
import { verifyPack } from './ingest/verify-pack.js';
import { startSweeping } from './jobs/fleet-sweep-job.js';
import { SHORTEST_ROUND_MS, startHousekeeping } from './jobs/housekeeping-job.js';
import { startIndexing } from './jobs/indexing-job.js';
import { startNotices } from './jobs/notices-job.js';
import { FileByteStore } from './layers/file-byte-store.js';
import { FileDerivedStore } from './layers/file-derived-store.js';
import { FileDigester } from './layers/file-digester.js';
import { FileReadMarks } from './layers/file-read-marks.js';
import { parseListenAddress } from './listen-address.js';
import { SqliteMetaStore } from './meta/sqlite/sqlite-meta-store.js';
import type { REGISTRY_FLAGS } from './registry-flags.js';
import { openTransferMemory } from './sftp/transfer-memory.js';
import { loadHostKey } from './ssh/host-key.js';
import { type KeyRing, openKeyRing } from './ssh/key-ring.js';
import { startSshServer } from './ssh/ssh-server.js';
import { takeOverOriginal } from './takeover/take-over.js';

export interface RunningRegistry {
  /** `host:port` that is listened on. */
  readonly address: string;
  /** Lets running work finish for the grace period, closes the store, releases the directory. */
  stop(): Promise<void>;
}

/** How long what waits for receivers of notices is still delivered when stopping. */
const NOTICES_MS = 2000;

type Undo = (() => Promise<void> | void)[];

/** The one place that names concrete parts. @throws DeployError with one sentence for each reason not to start. */
export async function startRegistry(
  flags: FlagValues<typeof REGISTRY_FLAGS>,
  log: Logger,
): Promise<RunningRegistry> {
  checkHousekeeping(flags.housekeeping);
  const dir = resolve(flags.dir);
  const address = parseListenAddress(flags.addr, 2022);
  const ring = openKeyRing({ operator: flags.opauth, agent: flags.srvauth }, log);
  const undo: Undo = [() => ring.close()];
  try {
    const lock = takeDirectory(dir, 'registry', 0o700);
    undo.push(() => lock.release());
    const hostKey = loadHostKey(join(dir, 'host_key'));
    const registry = await openRegistry(dir, flags, { log, undo, ring });
    const server = await startSshServer(registry, {
      host: address.host === '' ? '::' : address.host,
      port: address.port,
      hostKey,
      ring,
      memory: openTransferMemory(),
      compatible: flags.compat,
      maxConnections: flags['max-conns'],
      maxConnectionsPerAddress: flags['max-conns-per-addr'],
      maxConnectionsPerKey: flags['max-conns-per-key'],
      maxStrangers: flags['max-startups'],
      keepaliveMs: flags.keepalive,
      handshakeMs: flags.handshake,
      deadlineMs: flags.deadline,
      maxAuthTries: flags['max-auth-tries'],
      maxChannels: flags['max-channels'],
    });
    undo.push(() => server.stop(flags.grace));
    for (const start of [startHousekeeping, startIndexing]) {
      const job = start(registry, flags.housekeeping);
      undo.push(() => job.stop());
    }
    undo.push(startSweeping(registry.fleet));
    const notices = await startNotices(registry);
    undo.push(() => notices.stop());
    await registry.tracks.start();
    log.info(
      { address: server.address, dir, fingerprint: hostKey.fingerprint, keyType: hostKey.type },
      'registry ready',
    );
    return { address: server.address, stop: () => unwind(undo) };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

/** What the rules stand on, in the registry's directory; what a process that was killed left is cleared away. */
async function openRegistry(
  dir: string,
  flags: FlagValues<typeof REGISTRY_FLAGS>,
  { log, undo, ring }: { readonly log: Logger; readonly undo: Undo; readonly ring: KeyRing },
): Promise<Registry & { readonly tracks: TimedTrackRunner }> {
  const bytes = await FileByteStore.open(dir);
  const derived = await FileDerivedStore.open(dir);
  const clock = () => new Date();
  const database = join(dir, 'registry.db');
  await takeOverOriginal({ dir, bytes, database, openStore: SqliteMetaStore.open, clock, log });
  const meta = SqliteMetaStore.open(database);
  undo.push(() => meta.close());
  const leftovers = await bytes.clean();
  if (leftovers > 0) log.info({ leftovers }, 'removed uploads that were cut off');
  const lost = await forgetLostUploads({ meta, bytes });
  if (lost > 0) log.info({ lost }, 'forgot uploads without a name whose bytes are gone, as after a restore');
  const drafts = await derived.clean();
  if (drafts > 0) log.info({ drafts }, 'removed manifests and packs that were not finished');
  const limits = limitsOf(flags);
  const marks = await FileReadMarks.open(dir, clock);
  const stores = { meta, bytes, derived, marks, clock, log };
  const { minFree } = limits;
  const runner = new LayerTaskRunner();
  const ingest: Ingest = (task, signal) => ingestArchive(task, signal, runner);
  const indexer = new Indexer({ ...stores, ingest, policy: policyOf(flags), minFree });
  undo.push(() => indexer.stop());
  const stop = new AbortController();
  undo.push(() => stop.abort());
  const verify: VerifyLayer = (files, signal) => verifyPack(files, signal, runner);
  const tools = { openDigester: () => new FileDigester(), verify, stopping: stop.signal };
  const steady = () => performance.now();
  const clockTrust = await ClockTrust.open({ ...stores, steady });
  const fleet = await openFleet({ ...stores, ...limits }, flags);
  undo.push(() => fleet.close());
  const notices = await openNotices(stores, flags['notify-exec']);
  undo.push(() => notices.close(NOTICES_MS));
  const told = {
    notices,
    fleet,
    events: new ConfigurationEvents(),
    heartbeats: new Heartbeats(flags.heartbeat),
    keyTroubles: () => ring.troubles(),
  };
  const context = { environment: process.env, log };
  const tracks = new TimedTrackRunner({
    registry: () => registry,
    random: Math.random,
    incoming: join(dir, 'incoming'),
    open: (track) => openTrack(track, limits.trackFiles, context),
  });
  undo.push(() => tracks.stop());
  const space = new DiskSpace(bytes, minFree);
  const registry = { ...stores, ...tools, ...told, clockTrust, space, indexer, limits, tracks };
  return registry;
}

/** A round reads the whole store: the least interval protects against a slip of the unit. */
function checkHousekeeping(ms: number): void {
  if (ms === 0 || ms >= SHORTEST_ROUND_MS) return;
  throw new DeployError('usage', 'invalid value for flag -housekeeping: too small', {
    hint: 'give 0 for never, or at least 1s',
  });
}

/** @throws DeployError usage when the directory of programs is not named as a whole. */
function openNotices(
  stores: Pick<Registry, 'meta' | 'clock' | 'log'>,
  directory: string | undefined,
): Promise<NoticeDesk> {
  if (directory !== undefined && !isAbsolute(directory)) {
    throw new DeployError('usage', 'invalid value for flag -notify-exec: not an absolute path');
  }
  const programs = directory === undefined ? 'none' : { directory };
  return NoticeDesk.open({ ...stores, environment: process.env, programs });
}

function openFleet(
  parts: Pick<Registry, 'meta' | 'bytes' | 'clock' | 'log'> & Pick<RegistryLimits, 'minFree' | 'historySize'>,
  flags: FlagValues<typeof REGISTRY_FLAGS>,
): Promise<Fleet> {
  return Fleet.open({
    ...parts,
    steady: () => performance.now(),
    lostAfterMs: flags['lost-after'],
    maxFollows: flags['max-hosts'],
    maxFollowsPerKey: Math.floor(flags['max-hosts'] / 4),
  });
}

/** Newest first, each once. */
async function unwind(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

function limitsOf(flags: FlagValues<typeof REGISTRY_FLAGS>): RegistryLimits {
  return {
    keepVersions: flags.maxver,
    uploadTtlMs: flags['upload-ttl'],
    maxUpload: flags['max-upload'] === 0 ? Number.POSITIVE_INFINITY : flags['max-upload'],
    minFree: flags['min-free'],
    auditKeepMs: flags['audit-keep'],
    historyKeepMs: flags['history-keep'],
    historySize: { total: flags['history-size'], perKey: Math.floor(flags['history-size'] / 4) },
    trackFiles: flags['track-files'].map((path) => resolve(path)),
    unchecked: flags.unchecked,
  };
}

/** Refuses what no agent would take, whatever it was allowed; what else is taken is for each agent to say. */
function policyOf(flags: FlagValues<typeof REGISTRY_FLAGS>): UnpackPolicy {
  return {
    ...DEFAULT_UNPACK_POLICY,
    allow: { outsideLinks: true, devices: true, fifos: true, setid: true },
    maxEntries: flags['max-entries'],
    maxBytes: flags['max-unpacked'],
    maxRatio: flags['max-ratio'],
  };
}
