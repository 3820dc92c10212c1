import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { peakMemory } from './process-usage.mjs';

/** Runs a whole process. @returns milliseconds. @throws when it fails. */
export function timed(command, args, options = {}) {
  const begun = performance.now();
  const run = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  const ms = performance.now() - begun;
  must(run);
  return ms;
}

/** Runs a whole process. @returns its standard output. @throws when it fails. */
export function output(command, args, options = {}) {
  const run = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  must(run);
  return run.stdout;
}

/** Runs a whole process and looks at its memory while it runs. @returns milliseconds and the peak in bytes. */
export async function measured(command, args, options = {}) {
  const begun = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  let errors = '';
  let peakBytes = 0;
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakMemory(child.pid));
  }, 20);
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watch);
  const ms = performance.now() - begun;
  must({ status, stderr: errors });
  return { ms, peakBytes };
}

/** Starts a program that runs beside the bench and does not outlive it. */
export function startProgram(command, args, options) {
  const child = spawn(command, args, options);
  const end = () => child.kill();
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

/** SIGTERM, and waits for the end. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

export function isInstalled(command) {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What was written before is on the disk: it shall not be paid for by what is timed next. */
export function settleDisk(dir) {
  output('sync', ['-f', dir]);
}

/** Milliseconds since 1970, to the microsecond: times of several processes of one machine can be compared. */
export const wallClock = () => performance.timeOrigin + performance.now();

function must({ status, stderr, error }) {
  if (status !== 0) throw new Error(`exit status ${status}: ${error ?? stderr}`);
}

/**
 * On ext4, gives each directory that is made in this one inodes of its own. Otherwise what was removed in the round before
 * makes everything several times as slow, whoever makes it: see docs/agent.md, "What it does". Elsewhere it does nothing.
 */
export function spreadDirectories(dir) {
  spawnSync('chattr', ['+T', dir], { stdio: 'ignore' });
}
