import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { itServes, type Login } from './client-conformance.js';

/** PuTTY reads keys in its own format only. */
async function puttyKey({ key }: Login): Promise<string> {
  const path = `${key.path}.ppk`;
  if (!existsSync(path)) await run('puttygen', [key.path, '-o', path, '-O', 'private']);
  return path;
}

async function putty(program: 'plink' | 'psftp', login: Login, options: string[], command: string[] = []) {
  const { registry, user } = login;
  const common = ['-batch', '-noagent', '-hostkey', registry.fingerprint, '-P', String(registry.port)];
  const identity = ['-i', await puttyKey(login)];
  return run(program, [...common, ...identity, ...options, `${user}@${registry.host}`, ...command]);
}

/** `-b` ends at the first command that fails, with status 1; it wants a file. */
function psftp(login: Login, command: string) {
  const batch = join(login.dir, 'psftp-batch');
  writeFileSync(batch, `${command}\nquit\n`);
  return putty('psftp', login, ['-b', batch]);
}

describeWith(['plink', 'psftp', 'puttygen'], 'PuTTY: plink and psftp', () => {
  itServes({
    exec: (login, line) => putty('plink', login, [], [line]),
    put: (login, local, remote) => psftp(login, `put ${local} ${remote}`),
    get: (login, remote, local) => psftp(login, `get ${remote} ${local}`),
    list: (login, path) => psftp(login, `ls ${path}`),
  });
});
