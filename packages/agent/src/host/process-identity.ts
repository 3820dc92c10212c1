import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf, isMissing } from '@deploy-tools/shared/errors.js';

/** Names this run of the host's kernel (random(4)); empty where the system has no such thing. */
export function bootId(): string {
  return readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/**
 * Names a running process for ever, though its number will be used again: boot, number and start time (proc(5)).
 * @returns undefined when no such process runs, or where the system cannot tell.
 */
export function processIdentity(pid: number): string | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold any character.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[18];
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined;
  return `${bootId()} ${pid} ${startTime}`;
}

/** The process that {@link processIdentity} named, when it still runs. */
export function runningProcess(identity: string): number | undefined {
  const pid = Number(identity.split(' ')[1]);
  return Number.isSafeInteger(pid) && processIdentity(pid) === identity ? pid : undefined;
}

/**
 * Whether any process of a group still runs; those that ended and wait for a parent to take note do not. A
 * container without an init process never takes note.
 * @returns undefined where the system cannot tell.
 */
export function groupRuns(leader: number): boolean | undefined {
  const stats = processStats();
  return stats?.some(({ state, group }) => group === leader && state !== 'Z' && state !== 'X');
}

/**
 * The processes of a session, and all that they and theirs have started.
 * @param leader leads the session. @returns undefined where the system cannot tell.
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

/** Of proc(5)'s stat. */
interface ProcessStat {
  readonly pid: number;
  readonly state: string | undefined;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Of every process. */
function processStats(): ProcessStat[] | undefined {
  try {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    if (pids.length === 0) return undefined;
    return pids.flatMap((pid) => {
      const stat = readProc(`/proc/${pid}/stat`);
      if (stat === undefined) return [];
      const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [parent = 0, group = 0, session = 0] = fields.slice(0, 3).map(Number);
      return [{ pid: Number(pid), state, parent, group, session }];
    });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
