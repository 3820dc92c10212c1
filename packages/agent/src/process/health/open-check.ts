import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, isMissing } from '@deploy-tools/shared/errors.js';
import { familyOf } from '../../host/process-identity.js';
import { serverInode } from './server-end.js';

export interface CheckTarget {
  readonly host: string;
  readonly port: number;
}

/** A program that shares its ports with another one, whose answers do not count. */
export interface AnsweringProgram {
  readonly ports: readonly number[];
  /** Undefined while it does not run. */
  readonly pid: () => number | undefined;
}

/** Between two looks at which process has accepted. */
const LOOK_MS = 5;

/**
 * Connects to a port; to a port of the program only until that program accepts.
 * @param limit ends it, with its reason. @throws Error.
 */
export async function openCheck(
  target: CheckTarget,
  program: AnsweringProgram | undefined,
  limit: AbortSignal,
): Promise<Socket> {
  limit.throwIfAborted();
  if (program?.ports.includes(target.port) === true) return await connectToProgram(target, program, limit);
  return await openSocket(target, limit);
}

async function openSocket(target: CheckTarget, limit: AbortSignal): Promise<Socket> {
  const socket = connect({ host: target.host, port: target.port });
  try {
    await once(socket, 'connect', { signal: limit });
    return socket;
  } catch (error) {
    socket.destroy();
    limit.throwIfAborted();
    throw error;
  }
}

/**
 * Connects until the program accepts, and sends nothing. Any process counts where the host does not tell which one accepted.
 * @param signal ends it, with its reason.
 * @throws Error when it cannot connect, or the program does not run.
 */
export async function connectToProgram(
  target: CheckTarget,
  program: AnsweringProgram,
  signal: AbortSignal,
): Promise<Socket> {
  for (;;) {
    const socket = await openSocket(target, signal);
    try {
      const inode = await acceptedInode(socket, signal);
      const pid = program.pid();
      if (pid === undefined) throw new Error('the program does not run');
      if (inode === undefined || holds(pid, inode) !== false) return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
    socket.destroy();
    await pause(signal);
  }
}

/** @returns undefined where the host does not tell. */
async function acceptedInode(socket: Socket, signal: AbortSignal): Promise<number | undefined> {
  for (;;) {
    const inode = await serverInode(socket);
    if (inode !== 0) return inode;
    await pause(signal);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  await delay(LOOK_MS, undefined, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}

/** Whether a process of the program has the socket open; undefined where the host does not tell. */
function holds(pid: number, inode: number): boolean | undefined {
  const answers = familyOf(pid)?.map((member) => hasOpen(member, `socket:[${inode}]`));
  return (
    answers?.find((answer) => answer === true) ?? (answers?.includes(undefined) === false ? false : undefined)
  );
}

function hasOpen(pid: number, target: string): boolean | undefined {
  const dir = `/proc/${pid}/fd`;
  try {
    return readdirSync(dir).some((fd) => linkOf(`${dir}/${fd}`) === target);
  } catch (error) {
    return isGone(error) ? false : undefined;
  }
}

/** @returns undefined for a descriptor that was closed meanwhile. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return isMissing(error) || errnoOf(error) === 'ESRCH';
}
