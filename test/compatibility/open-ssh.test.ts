import { existsSync } from 'node:fs';
import { openSsh } from '../support/open-ssh.js';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { itServes, type Login } from './client-conformance.js';

function stock({ registry, user, key, dir }: Login) {
  return openSsh(registry, { dir, user, key });
}

/** Files by scp in its SFTP mode, its default since OpenSSH 9.0; lists by sftp. */
function scp(login: Login, ...paths: string[]) {
  return run('scp', ['-s', '-P', String(login.registry.port), ...stock(login).options, ...paths]);
}

describeWith(['ssh', 'scp', 'sftp'], 'OpenSSH: ssh and scp', () => {
  itServes({
    exec: (login, line) => stock(login).exec(line),
    put: (login, local, remote) => scp(login, local, `${stock(login).destination}:${remote}`),
    get: async (login, remote, local) => {
      const got = await scp(login, `${stock(login).destination}:${remote}`, local);
      return existsSync(local) ? got : { ...got, status: got.status || 1 };
    },
    list: (login, path) => stock(login).sftp(`ls ${path}\n`),
  });
});
