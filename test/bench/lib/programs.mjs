import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../node_modules/.bin', import.meta.url));
const SSHD = '/usr/sbin/sshd';

export const program = (name) => join(BIN, name);

export function makeKeys(dir) {
  for (const name of ['operator', 'agent', 'host']) {
    must(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)]));
  }
  return { operator: join(dir, 'operator'), agent: join(dir, 'agent'), host: join(dir, 'host') };
}

/** A registry on a free port. `peak()` is its peak memory so far, in bytes. */
export async function startRegistry(dir, keys, extra = []) {
  const args = [
    '-addr',
    '127.0.0.1:0',
    '-dir',
    join(dir, 'registry'),
    '-opauth',
    `${keys.operator}.pub`,
    '-srvauth',
    `${keys.agent}.pub`,
  ];
  const child = spawn(program('deploy-registry'), [...args, ...extra], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ready = await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = line.startsWith('{') ? JSON.parse(line) : {};
      if (entry.msg === 'registry ready') resolve(entry);
    });
    child.once('exit', (code) => reject(new Error(`the registry ended with ${code}`)));
  });
  return {
    pid: child.pid,
    address: ready.address,
    port: Number(ready.address.split(':').at(-1)),
    fingerprint: ready.fingerprint,
    peak: () => peakMemory(child.pid),
    stop: () => stop(child),
  };
}

/** OpenSSH's own server, to compare with; undefined where it is not installed. */
export async function startSshd(keys) {
  if (!existsSync(SSHD)) return undefined;
  const port = await freePort();
  if (process.getuid() === 0) spawnSync('mkdir', ['-p', '/run/sshd']);
  const config = `${keys.host}.sshd_config`;
  writeFileSync(
    config,
    [
      `HostKey ${keys.host}`,
      `AuthorizedKeysFile ${keys.operator}.pub`,
      'StrictModes no',
      'PidFile none',
      'PermitRootLogin yes',
      'Subsystem sftp internal-sftp',
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
    ].join('\n'),
  );
  const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on(
      'line',
      (line) => line.includes('Server listening') && resolve(),
    );
    child.once('exit', (code) => reject(new Error(`sshd ended with ${code}`)));
  });
  return { port, stop: () => stop(child) };
}

export const sshOptions = (key) =>
  [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'LogLevel=ERROR',
    `IdentityFile=${key}`,
  ].flatMap((option) => ['-o', option]);

/** Runs a whole process. @returns milliseconds. */
export function timed(command, args, options = {}) {
  const begun = performance.now();
  const run = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  const ms = performance.now() - begun;
  must(run);
  return ms;
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

/** The highest resident size of a process so far, in bytes; 0 when it is gone. */
export function peakMemory(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function must({ status, stderr, error }) {
  if (status !== 0) throw new Error(`exit status ${status}: ${error ?? stderr}`);
}

async function stop(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
