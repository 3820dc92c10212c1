import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { ByteStore } from '../layers/byte-store.js';
import type { MetaStore } from '../meta/meta-store.js';
import { type BoltFile, openBoltFile } from './bolt/bolt-file.js';
import { planTakeover, type TakeoverPlan } from './plan-takeover.js';
import { type GoState, readGoState } from './read-go-state.js';
import { readTakeoverMark, writeTakeoverMark } from './takeover-mark.js';

export interface Takeover {
  /** The registry's directory, whose lock the caller holds. */
  readonly dir: string;
  /** The archives in the directory. */
  readonly bytes: Pick<ByteStore, 'archives'>;
  /** The database to make; no process has it open. */
  readonly database: string;
  /** Makes a database at a new path; once closed it is one complete file. */
  readonly openStore: (path: string) => MetaStore;
  readonly clock: () => Date;
  readonly log: Logger;
}

/**
 * Imports the Go registry's `<dir>/state.db` once, when this registry has no database yet. The database gets its name when it is
 * complete, so that a crash leaves no part of it. state.db is only read; both registries keep archives in `files/`.
 * @throws DeployError when the registry must not start: locked: the Go registry runs on the directory; corrupt; not-found:
 * archives are missing; conflict: the Go registry has run again after the takeover.
 */
export async function takeOverGoRegistry(takeover: Takeover): Promise<void> {
  const path = join(takeover.dir, 'state.db');
  if (!existsSync(path)) return;
  checkGoRegistryStopped(path, takeover.log);
  const file = openBoltFile(path);
  try {
    if (existsSync(takeover.database)) checkUnchanged(takeover, path, file);
    else await takeOver(takeover, path, file);
  } finally {
    file.close();
  }
}

async function takeOver(takeover: Takeover, path: string, file: BoltFile): Promise<void> {
  const { log, database } = takeover;
  // SQLite would apply this log to the new database.
  if (existsSync(`${database}-wal`)) {
    throw new DeployError('conflict', `${database}-wal is there without ${database}`, {
      hint: 'move it beside that database: it contains the last changes',
    });
  }
  const { state, txid } = readState(path, file);
  const archives = await takeover.bytes.archives();
  const plan = explain(path, () =>
    planTakeover(state, new Map(archives.map(({ hash, size }) => [hash, size]))),
  );
  for (const warning of plan.warnings) log.warn({ path }, warning);
  const fresh = `${database}.new`;
  for (const suffix of ['', '-wal', '-shm']) rmSync(fresh + suffix, { force: true });
  await fill(takeover.openStore(fresh), plan);
  writeTakeoverMark(markPath(takeover), { txid, time: takeover.clock().toISOString() });
  putInPlace(fresh, takeover);
  const components = new Set(plan.versions.map(({ component }) => component)).size;
  log.info(
    {
      path,
      components,
      versions: plan.versions.length,
      configurations: plan.configurations,
      revisions: plan.revisions.length,
      warnings: plan.warnings.length,
    },
    'took over the state of the Go registry; state.db stays as it is',
  );
}

/** Reads the whole state, and checks that no transaction changed it meanwhile. */
function readState(path: string, file: BoltFile): { state: GoState; txid: bigint } {
  return explain(path, () => {
    const { txid } = file.meta();
    const state = readGoState(file.entries());
    if (file.meta().txid !== txid) throw new DeployError('locked', 'it changed while it was being read');
    return { state, txid };
  });
}

async function fill(store: MetaStore, plan: TakeoverPlan): Promise<void> {
  try {
    await store.write(async (tx) => {
      for (const version of plan.versions) await tx.insertVersion(version);
      for (const revision of plan.revisions) await tx.appendRevision(revision);
    });
  } finally {
    await store.close();
  }
}

function putInPlace(fresh: string, { database, dir }: Takeover): void {
  if (existsSync(`${fresh}-wal`)) {
    throw new DeployError('internal', `${fresh} was closed but is not complete in one file`);
  }
  const fd = openSync(fresh, 'r');
  fsyncSync(fd);
  closeSync(fd);
  renameSync(fresh, database);
  syncDirectory(dir);
}

/**
 * Checks that the Go registry has not changed state.db since the takeover: a start from the older state in our database would
 * roll back every host.
 */
function checkUnchanged(takeover: Takeover, path: string, file: BoltFile): void {
  const mark = readTakeoverMark(markPath(takeover));
  if (mark === undefined) {
    takeover.log.warn(
      { path },
      'state.db of a Go registry is not taken over: this registry has a state of its own',
    );
    return;
  }
  const txid = lastTransaction(takeover, path, file);
  if (txid === undefined || txid === mark.txid) return;
  throw new DeployError(
    'conflict',
    `the Go registry has changed ${path} after it was taken over on ${mark.time}`,
    {
      hint: `to take it over again move ${takeover.database} (and its -wal, if there is one) away; to continue without those changes move state.db away`,
    },
  );
}

/** The last transaction in state.db. A damaged file is logged, and does not keep this registry from starting. */
function lastTransaction({ log }: Takeover, path: string, file: BoltFile): bigint | undefined {
  try {
    return file.meta().txid;
  } catch (error) {
    log.warn({ path, err: describeError(error) }, 'state.db of the Go registry is damaged now');
    return undefined;
  }
}

function markPath({ database }: Takeover): string {
  return `${database}.takeover`;
}

function explain<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    const advice = hint ?? (kind === 'corrupt' ? 'restore it from a backup' : undefined);
    throw new DeployError(kind, `${path} cannot be taken over: ${message}`, { hint: advice, cause: error });
  }
}

/** The exit status of the command that runs under the lock; flock(1) itself exits with 1, silently, when the lock is taken. */
const FREE = 75;
const HELD = 1;

/**
 * Checks by flock(1) of util-linux or BusyBox that no Go registry runs on this state.db: it locks the file by flock(2), which
 * Node.js lacks. Without flock(1) the check is left out with a warning. The lock is not kept: transaction numbers are compared.
 * @throws DeployError locked.
 */
export function checkGoRegistryStopped(path: string, log: Logger): void {
  const args = ['-n', '-s', path, 'sh', '-c', `exit ${FREE}`];
  const { status, error, stderr } = spawnSync('flock', args, { encoding: 'utf8', timeout: 10_000 });
  if (status === FREE) return;
  if (status === HELD && stderr === '') {
    throw new DeployError('locked', `the Go registry is running on ${path}`, {
      hint: 'stop it first',
    });
  }
  log.warn(
    { path, reason: error?.message ?? stderr.trim() },
    'no check whether the Go registry still runs on this directory: flock(1) does not work here',
  );
}
