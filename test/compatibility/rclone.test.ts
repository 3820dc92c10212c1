import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { itServes, type Login } from './client-conformance.js';

function rclone({ registry, user, key }: Login, command: string, ...args: string[]) {
  const remote = ['--sftp-host', registry.host, '--sftp-port', String(registry.port), '--sftp-user', user];
  const own = [
    '--config',
    '/dev/null',
    '--retries',
    '1',
    '--low-level-retries',
    '1',
    '--sftp-key-file',
    key.path,
  ];
  // There is no shell behind SFTP that could compute hashes.
  const plain = ['--sftp-shell-type', 'none', '--sftp-disable-hashcheck'];
  return run('rclone', [command, ...own, ...remote, ...plain, ...args]);
}

describeWith(['rclone'], 'rclone', () => {
  itServes({
    put: (login, local, path) => rclone(login, 'copyto', local, `:sftp:${path}`),
    get: (login, path, local) => rclone(login, 'copyto', `:sftp:${path}`, local),
    list: (login, path) => rclone(login, 'lsf', `:sftp:${path}`),
  });
});
