import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { peakMemory } from './process-usage.mjs';
import { output, startProgram, stop } from './run.mjs';

const BIN = fileURLToPath(new URL('../../../node_modules/.bin', import.meta.url));
const SSHD = '/usr/sbin/sshd';

export const program = (name) => join(BIN, name);

export function makeKeys(dir) {
  for (const name of ['operator', 'agent', 'host']) {
    output('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)]);
  }
  return { operator: join(dir, 'operator'), agent: join(dir, 'agent'), host: join(dir, 'host') };
}

/**
 * A registry on `<dir>/registry`, on a free port unless the further flags name one. `peak()` is its peak memory so
 * far, in bytes; `restart()` starts another one on the same directory and port after a `stop()`.
 */
export async function startRegistry(dir, keys, extra = [], env = {}) {
  const home = join(dir, 'registry');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const files = ['-dir', home, '-opauth', `${keys.operator}.pub`, '-srvauth', `${keys.agent}.pub`];
  const args = ['-addr', '127.0.0.1:0', ...files, ...extra];
  const child = startProgram(program('deploy-registry'), args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
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
    restart: () => startRegistry(dir, keys, [...extra, '-addr', ready.address], env),
  };
}

/** OpenSSH's own server, to compare with, for this user and the operator's key; undefined where it is not installed. */
export async function startSshd(keys) {
  if (!existsSync(SSHD)) return undefined;
  const port = await freePort();
  if (process.getuid() === 0) mkdirSync('/run/sshd', { recursive: true });
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
  const child = startProgram(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on(
      'line',
      (line) => line.includes('Server listening') && resolve(),
    );
    child.once('exit', (code) => reject(new Error(`sshd ended with ${code}`)));
  });
  return { port, user: userInfo().username, stop: () => stop(child) };
}

export const sshOptions = (key) =>
  [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'LogLevel=ERROR',
    `IdentityFile=${key}`,
  ].flatMap((option) => ['-o', option]);

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
