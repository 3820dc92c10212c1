import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sshOptions } from '../lib/programs.mjs';
import { timed } from '../lib/run.mjs';

/**
 * Fetches the archive from the registry with OpenSSH's sftp and unpacks it with GNU tar into a fresh directory: the
 * same work for a first release and for any other, so there is one job.
 * @param options of sftp: `-B 32768 -R 1` reads as the original agent does, one request at a time.
 */
export function sftpAndTar({ dir, keys, registry, releases }, name, options) {
  const home = join(dir, 'sftp');
  const { hash } = releases.fresh.archive;
  const archive = join(home, 'archive');
  const into = join(home, 'unpacked');
  const target = (port) => ['-P', String(port), 'deploy-agent@127.0.0.1'];
  return {
    name,
    server: registry,
    begin: () => mkdirSync(into, { recursive: true }),
    jobs: [
      {
        name: 'release',
        run: (port) => {
          const input = `get files/${hash} ${archive}\n`;
          const fetching = timed(
            'sftp',
            ['-b', '-', ...options, ...sshOptions(keys.agent), ...target(port)],
            { input },
          );
          return { ms: fetching + timed('tar', ['xzf', archive, '-C', into]) };
        },
      },
    ],
    end: () => rmSync(home, { recursive: true, force: true }),
  };
}
