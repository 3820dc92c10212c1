import { readFileSync } from 'node:fs';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { namesIn } from '@deploy-tools/shared/host/names-in.js';

/** The id of the host's present boot (random(4)); empty where the system has none. */
export function bootId(): string {
  return readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/**
 * A name for a running process that no other process ever gets: boot, number and start time (proc(5)).
 * @returns undefined where no such process runs, or the system cannot tell.
 */
export function processIdentity(pid: number): string | undefined {
  const [state, ...fields] = statOf(pid) ?? [];
  const startTime = fields[18];
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined;
  return `${bootId()} ${pid} ${startTime}`;
}

/** The number of a process that {@link processIdentity} named; undefined when it has ended. */
export function runningProcess(identity: string): number | undefined {
  const pid = Number(identity.split(' ')[1]);
  return Number.isSafeInteger(pid) && processIdentity(pid) === identity ? pid : undefined;
}

/**
 * Whether any process of a group still runs. Zombies do not count: a container without an init process never reaps them.
 * @returns undefined where the system cannot tell.
 */
export function groupRuns(leader: number): boolean | undefined {
  const stats = processStats();
  return stats?.some(({ state, group }) => group === leader && state !== 'Z' && state !== 'X');
}

/**
 * The processes of a session and all their descendants.
 * @param leader of the session. @returns undefined where the system cannot tell.
 */
export function familyOf(leader: number): number[] | undefined {
  const stats = processStats();
  if (stats === undefined) return undefined;
  const family = new Set([leader]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const { pid, parent, session } of stats)
      if (session === leader || family.has(parent)) family.add(pid);
  }
  return [...family];
}

/** A part of proc(5)'s stat. */
interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Of every process; undefined where the system cannot tell. */
function processStats(): ProcessStat[] | undefined {
  const pids = namesIn('/proc').filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return undefined;
  return pids.flatMap((pid) => {
    const [state, ...fields] = statOf(pid) ?? [];
    if (state === undefined) return [];
    const [parent = 0, group = 0, session = 0] = fields.slice(0, 3).map(Number);
    return [{ pid: Number(pid), state, parent, group, session }];
  });
}

/** The fields of a process in proc(5)'s stat, from its state on. The name before them is in parentheses and may hold any character. */
function statOf(pid: number | string): readonly string[] | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
