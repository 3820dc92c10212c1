import { join } from 'node:path';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { Dispatcher } from './commands/dispatch.js';
import { AuditLog } from './core/audit-log.js';
import { ClockTrust } from './core/clock-trust.js';
import { Configurations } from './core/configurations.js';
import { DiskSpace } from './core/disk-space.js';
import { Fleet } from './core/fleet/fleet.js';
import { Fsck } from './core/fsck.js';
import { Heartbeats } from './core/heartbeats.js';
import { forgetLostUploads, Housekeeping } from './core/housekeeping.js';
import { Indexer } from './core/indexer.js';
import { Notifier } from './core/notices/notifier.js';
import { openTrack } from './core/tracks/open-track.js';
import { TrackRunner } from './core/tracks/track-runner.js';
import { Tracks } from './core/tracks/tracks.js';
import { Uploads } from './core/uploads.js';
import { Versions } from './core/versions.js';
import { Watches } from './core/watch.js';
import { LayerTasks } from './ingest/layer-tasks.js';
import { startNotices, startSweeping } from './jobs/fleet-jobs.js';
import { startHousekeeping } from './jobs/housekeeping-job.js';
import { startIndexing } from './jobs/indexing-job.js';
import { FileByteStore } from './layers/file-byte-store.js';
import { FileDerivedStore } from './layers/file-derived-store.js';
import { FileDigester } from './layers/file-digester.js';
import { FileReadMarks } from './layers/file-read-marks.js';
import { SqliteMetaStore } from './meta/sqlite/sqlite-meta-store.js';
import type { Track } from './meta/track-store.js';
import { type RegistryFlagValues, readSettings, type Settings } from './settings.js';
import { openTransferMemory } from './sftp/transfer-memory.js';
import { loadHostKey } from './ssh/host-key.js';
import { openKeyRing } from './ssh/key-ring.js';
import { startSshServer } from './ssh/ssh-server.js';
import { takeOverGoRegistry } from './takeover/take-over.js';

export interface RunningRegistry {
  /** `host:port` that is listened on. */
  readonly address: string;
  /** Waits for running work within the grace period, closes the stores and releases the directory. */
  stop(): Promise<void>;
}

/** Time for waiting messages to receivers of notices when the registry stops. */
const NOTICES_CLOSE_MS = 2000;

const steady = () => performance.now();
const clock = () => new Date();

/** Starts the registry. @throws DeployError with the reason why it cannot start. */
export async function startRegistry(flags: RegistryFlagValues, log: Logger): Promise<RunningRegistry> {
  const closers = new Closers();
  try {
    const address = await startAll(flags, log, closers);
    return { address, stop: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

/**
 * The composition: the one place that names concrete parts, from the stores through the rules to servers and jobs. Each part
 * gets parts that were opened before it, and is closed before them.
 */
async function startAll(flags: RegistryFlagValues, log: Logger, closers: Closers): Promise<string> {
  const settings = readSettings(flags);
  const { dir, limits } = settings;

  const ring = openKeyRing({ operator: flags.opauth, agent: flags.srvauth }, log);
  closers.add(() => ring.close());
  const lock = takeDirectory(dir, 'registry', 0o700);
  closers.add(() => lock.release());
  const hostKey = loadHostKey(join(dir, 'host_key'));
  const stores = await openStores(dir, log, closers);
  const rules = await openRules(settings, stores, closers);

  const { meta, bytes, derived } = stores;
  const { audit, fleet, heartbeats, housekeeping, indexer, trackRunner, uploads, watches } = rules;
  const dispatcher = new Dispatcher({ registry: rules, audit, log, keyTroubles: () => ring.troubles() });
  const server = await startSshServer(
    {
      dispatcher,
      console: { meta, fleet },
      operatorTree: { meta, uploads, audit, clock },
      agentTree: { meta, bytes, derived, clock },
      watches,
      reports: { fleet, heartbeats },
      clock,
      log,
    },
    { ...settings.server, ring, hostKey, memory: openTransferMemory() },
  );
  closers.add(() => server.stop(settings.graceMs));

  const housekeepingJob = startHousekeeping({ housekeeping, limits, log }, settings.housekeepingMs);
  closers.add(() => housekeepingJob.stop());
  const indexing = startIndexing({ ...stores, indexer, clock, log }, settings.housekeepingMs);
  closers.add(() => indexing.stop());
  const sweeping = startSweeping(fleet);
  closers.add(() => sweeping.stop());
  const { configurations, notices } = rules;
  const noticesJob = await startNotices({ meta, bytes, configurations, fleet, notices, clock, log, limits });
  closers.add(() => noticesJob.stop());
  await trackRunner.start();

  const { address } = server;
  log.info({ address, dir, fingerprint: hostKey.fingerprint, keyType: hostKey.type }, 'registry ready');
  return address;
}

/** The rules of the core, one object per feature. */
async function openRules(settings: Settings, stores: Stores, closers: Closers) {
  const { limits, policy, heartbeatMs, noticePrograms: programs, incoming } = settings;
  const { meta, bytes, log } = stores;
  const stop = new AbortController();
  const stopping = stop.signal;
  const layerTasks = new LayerTasks();
  const indexer = new Indexer({
    ...stores,
    ingest: (task, signal) => layerTasks.ingest(task, signal),
    policy,
    minFree: limits.minFree,
    clock,
  });
  closers.add(() => indexer.stop());
  closers.add(() => stop.abort());
  const clockTrust = await ClockTrust.open({ meta, clock, steady, log });
  const fleet = await Fleet.open({
    meta,
    bytes,
    clock,
    steady,
    log,
    minFree: limits.minFree,
    historySize: limits.historySize,
    ...settings.fleet,
  });
  closers.add(() => fleet.close());
  const notices = await Notifier.open({ meta, clock, log, environment: process.env, programs });
  closers.add(() => notices.close(NOTICES_CLOSE_MS));
  const audit = new AuditLog({ meta, clock });
  const heartbeats = new Heartbeats(heartbeatMs);
  const space = new DiskSpace(bytes, limits.minFree);
  const configurations = new Configurations({ meta, clock });
  const watches = new Watches({ meta, events: configurations.events, heartbeats, clock });
  const versions = new Versions({ meta, bytes, indexer, notices, clock, log, limits });
  const uploads = new Uploads({ meta, bytes, space, indexer, clock, limits });
  const housekeeping = new Housekeeping({ ...stores, indexer, clock, clockTrust, stopping, limits });
  const fsck = new Fsck({
    ...stores,
    indexer,
    openDigester: () => new FileDigester(),
    verify: (files, signal) => layerTasks.verify(files, signal),
    stopping,
  });
  const open = (track: Track) => openTrack(track, limits.trackFiles, { environment: process.env, log });
  const trackPorts = { meta, audit, versions, uploads, configurations, clock, log, limits, incoming };
  const trackRunner = new TrackRunner({ ...trackPorts, open, random: Math.random });
  closers.add(() => trackRunner.stop());
  const tracks = new Tracks({ meta, configurations, runner: trackRunner, clock, limits });
  return {
    meta,
    clock,
    indexer,
    fleet,
    notices,
    audit,
    heartbeats,
    configurations,
    watches,
    versions,
    uploads,
    housekeeping,
    fsck,
    tracks,
    trackRunner,
  };
}

interface Stores {
  readonly log: Logger;
  readonly meta: SqliteMetaStore;
  readonly bytes: FileByteStore;
  readonly derived: FileDerivedStore;
  readonly marks: FileReadMarks;
}

/** Opens the stores in the registry's directory, and removes leftovers of a process that was killed. */
async function openStores(dir: string, log: Logger, closers: Closers): Promise<Stores> {
  const bytes = await FileByteStore.open(dir);
  const derived = await FileDerivedStore.open(dir);
  const database = join(dir, 'registry.db');
  // The import from the Go registry is reached from here alone: without it, delete takeover/ and this call.
  await takeOverGoRegistry({ dir, bytes, database, openStore: SqliteMetaStore.open, clock, log });
  const meta = SqliteMetaStore.open(database);
  closers.add(() => meta.close());
  const leftovers = await bytes.clean();
  if (leftovers > 0) log.info({ leftovers }, 'removed unfinished uploads');
  const lost = await forgetLostUploads({ meta, bytes });
  if (lost > 0) log.info({ lost }, 'forgot uploads whose bytes are missing, as after a restore');
  const drafts = await derived.clean();
  if (drafts > 0) log.info({ drafts }, 'removed unfinished manifests and packs');
  return { log, meta, bytes, derived, marks: await FileReadMarks.open(dir, clock) };
}

/** The opened parts, in the order of opening. */
class Closers {
  readonly #closers: (() => Promise<void> | void)[] = [];

  add(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /** Closes each part once, the last one first. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}
