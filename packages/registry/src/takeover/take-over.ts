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
  /** The archives in it. */
  readonly bytes: Pick<ByteStore, 'archives'>;
  /** The database that it is about; nothing has it open. */
  readonly database: string;
  /** Makes a database in a file that is not there yet, all in one file once it is closed. */
  readonly openStore: (path: string) => MetaStore;
  readonly clock: () => Date;
  readonly log: Logger;
}

/**
 * Imports what the Go registry stored in `<dir>/state.db`, once: when there is no database of ours yet. It is
 * written to a file of its own that gets its name when it is complete, so a crash leaves nothing that looks complete.
 * state.db is only read. Its archives are in `files/` already, where both keep them.
 * @throws DeployError with one sentence why not to start: locked when the Go registry runs on the directory; corrupt;
 * not-found when archives are missing; conflict when the Go registry has run again after the takeover.
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
  // SQLite would replay it into the new database.
  if (existsSync(`${database}-wal`)) {
    throw new DeployError('conflict', `${database}-wal is there without ${database}`, {
      hint: 'move it to where that database went; it holds the last changes',
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

/** Reads all of it in one transaction of the Go registry. */
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
 * There is a database of ours: what is in state.db does not count any more. But when the Go registry has written
 * to it since, a start from our older state would roll every host back.
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
      hint: `to take it over again move ${takeover.database} (and its -wal, if there is one) away; to go on without those changes move state.db away`,
    },
  );
}

/** Damage to state.db does not keep this registry from starting; it is logged for an operator who means to return to it. */
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
    throw new DeployError(kind, `${path} cannot be taken over: ${message}`, {
      ...(advice === undefined ? {} : { hint: advice }),
      cause: error,
    });
  }
}

/** The status of the command that runs under the lock. flock(1) itself has 1 for a lock that is held, silently. */
const FREE = 75;
const HELD = 1;

/**
 * Makes sure that the Go registry does not run on this state.db: it holds a lock of flock(2) on it. Node.js
 * has no flock, so flock(1) of util-linux or BusyBox is asked; where that is missing the check is left out,
 * and said so. The lock is not kept: see the comparison of transaction numbers in take-over.ts.
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
    'cannot see whether the Go registry still runs on this directory: flock(1) does not work here',
  );
}
