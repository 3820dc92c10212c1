import { readFileSync } from 'node:fs';

/** proc(5) counts processor time in these, on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** The highest resident size of a process so far, in bytes; 0 when it is gone. */
export const peakMemory = (pid) => statusBytes(pid, 'VmHWM');

/** Its resident size now, in bytes; 0 when it is gone. */
export const residentMemory = (pid) => statusBytes(pid, 'VmRSS');

/** Processor time of a process since its start, all threads, user and system, in seconds; 0 when it is gone. */
export function cpuSeconds(pid) {
  const stat = procFile(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before may hold anything
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

function statusBytes(pid, name) {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(procFile(pid, 'status'))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function procFile(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
