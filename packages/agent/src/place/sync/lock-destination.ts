import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { tryLockFile } from '@deploy-tools/shared/host/file-lock.js';
import type { Timers } from '../../host/timers.js';
import {
  checkInside,
  checkOutside,
  type DestinationClaim,
  formatLockContent,
  hasLeft,
  type LockContent,
  MAX_LOCK_BYTES,
  parseLockContent,
} from './destination-owner.js';
import { destinationPlace } from './destination-place.js';

const RETRY_MS = 200;
/** Opening a FIFO or a terminal that another user put there must not wait. */
const OPEN_FLAGS =
  constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface LockRequest extends DestinationClaim {
  /** Whether to wait until the destination is free. */
  readonly waits: boolean;
  readonly timers: Timers;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Locks a destination against other processes and writes its owner into the lock files, which stay. The kernel releases the locks when
 * the process ends, for any reason.
 * @returns releases the destination.
 * @throws DeployError conflict, when another agent's destination is the same, in it or around it; locked; denied; cancelled.
 */
export async function lockDestination(request: LockRequest): Promise<() => void> {
  const held: number[] = [];
  const release = (): void => {
    for (const fd of held) closeSync(fd);
  };
  try {
    for (const path of destinationPlace(request).locks) held.push(await lock(path, request));
    checkOutside(request);
    if (!held.every((fd) => isNoted(fd, request))) await checkInside(request);
    const { owner, to } = request;
    for (const fd of held)
      note(fd, { pid: String(process.pid), owner: owner === undefined ? undefined : { ...owner, to } });
    return release;
  } catch (error) {
    release();
    throw toDeployError(error);
  }
}

/** Locks one file. @returns its descriptor. */
async function lock(path: string, request: LockRequest): Promise<number> {
  const { to, waits, timers, log, signal } = request;
  const fd = openLock(to, path);
  try {
    requireLockFile(path, fstatSync(fd));
    for (let isFirst = true; !tryLockFile(fd); isFirst = false) {
      const { pid } = contentOf(fd);
      const holder = pid === '' ? 'another process' : `process ${pid}`;
      if (!waits)
        throw new DeployError('locked', `${holder} is deploying to ${to}`, {
          hint: 'try again later, or wait for it with -busy wait',
        });
      if (isFirst) log(`waiting: ${holder} is deploying to ${to}`);
      await timers.sleep(RETRY_MS, signal);
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Whether the lock file names this owner already: then no other destination is inside, for it would have been refused. */
function isNoted(fd: number, { owner, to }: LockRequest): boolean {
  const noted = contentOf(fd).owner;
  return noted !== undefined && noted.dir === owner?.dir && noted.to === to && !hasLeft(noted);
}

function openLock(dest: string, path: string): number {
  try {
    return openSync(path, OPEN_FLAGS, 0o600);
  } catch (error) {
    const { kind, message } = toDeployError(error);
    throw new DeployError(kind, `cannot make sure that nobody else deploys to ${dest}: ${message}`, {
      hint: 'always deploy to it as the same user',
      cause: error,
    });
  }
}

/** Refuses a hard link, which another user may have made: the lock file is written to. */
function requireLockFile(path: string, stats: Stats): void {
  if (stats.isFile() && stats.nlink <= 1) return;
  throw new DeployError('unsafe', `${path} is no lock file of ours: a hard link, or no regular file`, {
    hint: 'look who made it, and remove it',
  });
}

function contentOf(fd: number): LockContent {
  const bytes = Buffer.alloc(MAX_LOCK_BYTES);
  return parseLockContent(bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)));
}

function note(fd: number, content: LockContent): void {
  const bytes = Buffer.from(formatLockContent(content));
  writeSync(fd, bytes, 0, bytes.length, 0);
  ftruncateSync(fd, bytes.length);
}
