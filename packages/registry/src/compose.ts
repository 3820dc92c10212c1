import { join, resolve } from 'node:path';
import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { ConfigurationEvents } from './core/configuration-events.js';
import { Fleet } from './core/fleet/fleet.js';
import { Heartbeats } from './core/heartbeats.js';
import type { Registry } from './core/registry.js';
import { startSweeping } from './jobs/fleet-sweep-job.js';
import { startHousekeeping } from './jobs/housekeeping-job.js';
import { FileByteStore } from './layers/file-byte-store.js';
import { parseListenAddress } from './listen-address.js';
import { SqliteMetaStore } from './meta/sqlite/sqlite-meta-store.js';
import type { REGISTRY_FLAGS } from './registry-flags.js';
import { loadHostKey } from './ssh/host-key.js';
import { openKeyRing } from './ssh/key-ring.js';
import { startSshServer } from './ssh/ssh-server.js';
import { takeOverOriginal } from './takeover/take-over.js';

export interface RunningRegistry {
  /** Lets running work finish for the grace period, closes the store, releases the directory. */
  stop(): Promise<void>;
}

/** The one place that names concrete parts. @throws DeployError with one sentence for each reason not to start. */
export async function startRegistry(
  flags: FlagValues<typeof REGISTRY_FLAGS>,
  log: Logger,
): Promise<RunningRegistry> {
  const dir = resolve(flags.dir);
  const address = parseListenAddress(flags.addr, 2022);
  const ring = openKeyRing({ operator: flags.opauth, agent: flags.srvauth }, log);
  const undo: (() => Promise<void> | void)[] = [() => ring.close()];
  try {
    const lock = takeDirectory(dir, 'registry', 0o700);
    undo.push(() => lock.release());
    const hostKey = loadHostKey(join(dir, 'host_key'));
    const bytes = await FileByteStore.open(dir);
    const clock = () => new Date();
    const database = join(dir, 'registry.db');
    await takeOverOriginal({ dir, bytes, database, openStore: SqliteMetaStore.open, clock, log });
    const meta = SqliteMetaStore.open(database);
    undo.push(() => meta.close());
    const fleet = await Fleet.open({
      meta,
      log,
      clock,
      steady: () => performance.now(),
      lostAfterMs: flags['lost-after'],
      maxFollows: flags['max-hosts'],
      maxFollowsPerKey: Math.floor(flags['max-hosts'] / 4),
    });
    undo.push(() => fleet.close());
    const registry: Registry = {
      meta,
      bytes,
      fleet,
      events: new ConfigurationEvents(),
      heartbeats: new Heartbeats(flags.heartbeat),
      clock,
      log,
      limits: limitsOf(flags),
    };
    const leftovers = await bytes.clean();
    if (leftovers > 0) log.info({ leftovers }, 'removed uploads that were cut off');
    const server = await startSshServer(registry, {
      host: address.host === '' ? '::' : address.host,
      port: address.port,
      hostKey,
      ring,
      compatible: flags.compat,
      maxConnections: flags['max-conns'],
      maxConnectionsPerAddress: flags['max-conns-per-addr'],
      keepaliveMs: flags.keepalive,
      handshakeMs: flags.handshake,
      deadlineMs: flags.deadline,
      maxAuthTries: flags['max-auth-tries'],
      maxChannels: flags['max-channels'],
    });
    undo.push(() => server.stop(flags.grace));
    const job = startHousekeeping(registry, flags.housekeeping);
    undo.push(() => job.stop());
    undo.push(startSweeping(fleet));
    log.info(
      { address: server.address, dir, fingerprint: hostKey.fingerprint, keyType: hostKey.type },
      'registry ready',
    );
    return { stop: () => unwind(undo) };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

/** Newest first, each once. */
async function unwind(undo: (() => Promise<void> | void)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

function limitsOf(flags: FlagValues<typeof REGISTRY_FLAGS>): Registry['limits'] {
  return {
    keepVersions: flags.maxver,
    uploadTtlMs: flags['upload-ttl'],
    maxUpload: flags['max-upload'],
    minFree: flags['min-free'],
    auditKeepMs: flags['audit-keep'],
    historyKeepMs: flags['history-keep'],
  };
}
