import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { itServes, type Login } from './client-conformance.js';

/** lftp speaks SFTP itself, over a connection that ssh makes. */
function lftp({ registry, user, key, dir }: Login, command: string) {
  const ssh = [
    'ssh -a -x -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none',
    `-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=${dir}/known_hosts -i ${key.path}`,
  ].join(' ');
  const script = [
    `set sftp:connect-program "${ssh}"`,
    'set net:max-retries 1',
    'set xfer:clobber yes',
    'set cmd:fail-exit yes',
    `open sftp://${user}:x@${registry.host}:${registry.port}`,
    command,
  ].join('; ');
  return run('lftp', ['--norc', '-c', script], { env: { ...process.env, HOME: dir } });
}

describeWith(['lftp', 'ssh'], 'lftp', () => {
  itServes({
    put: (login, local, remote) => lftp(login, `put ${local} -o ${remote}`),
    get: (login, remote, local) => lftp(login, `get ${remote} -o ${local}`),
    list: (login, path) => lftp(login, `ls ${path}`),
  });
});
