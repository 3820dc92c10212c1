import { readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, isMissing } from '@deploy-tools/shared/errors.js';
import { familyOf } from '../../host/process-identity.js';
import { openSocket } from './open-socket.js';
import { serverInode } from './server-end.js';

/** A program that shares its ports with another one, whose answers do not count. */
export interface AnsweringProgram {
  readonly ports: readonly number[];
  /** Its process, which may be another one each time; undefined while it does not run. */
  readonly pid: () => number | undefined;
}

/** Between two looks at who has accepted. */
const LOOK_MS = 5;

/**
 * Connects until it is that program that accepts. Where the host does not say which process has accepted, any process counts; nothing is sent.
 * @param signal ends it, with its reason.
 * @throws Error when it cannot connect, or the program does not run.
 */
export async function connectToProgram(
  target: { readonly host: string; readonly port: number },
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

/** Whether a process of the program has the socket; undefined where that cannot be seen. */
function holds(pid: number, inode: number): boolean | undefined {
  const family = familyOf(pid);
  if (family === undefined) return undefined;
  const answers = family.map((member) => hasOpen(member, `socket:[${inode}]`));
  return answers.find((answer) => answer === true) ?? (answers.includes(undefined) ? undefined : false);
}

function hasOpen(pid: number, target: string): boolean | undefined {
  const dir = `/proc/${pid}/fd`;
  try {
    return readdirSync(dir).some((fd) => linkOf(`${dir}/${fd}`) === target);
  } catch (error) {
    return isMissing(error) || errnoOf(error) === 'ESRCH' ? false : undefined;
  }
}

/** A descriptor may be closed meanwhile. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isMissing(error) || errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}
