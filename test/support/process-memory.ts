import { readFileSync } from 'node:fs';

/** The most memory that a process has had resident so far, in bytes: VmHWM of proc(5). */
export function peakMemory(pid: number): number {
  return statusValue(pid, 'VmHWM');
}

/** What a process has resident now, in bytes: VmRSS of proc(5). */
export function residentMemory(pid: number): number {
  return statusValue(pid, 'VmRSS');
}

function statusValue(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`no ${name} of process ${pid}`);
  return Number(kilobytes) * 1024;
}
