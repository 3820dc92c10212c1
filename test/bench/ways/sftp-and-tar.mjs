import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sshOptions } from '../lib/programs.mjs';
import { timed } from '../lib/run.mjs';

const READ_BYTES = 32_768;

/**
 * Fetches the archive from the registry with OpenSSH's sftp and unpacks it with GNU tar into a fresh directory: the
 * same work for a first release and for any other, so there is one job.
 * @param oneByOne reads as the original agent does: one request of 32 KiB, then the next.
 */
export function sftpAndTar({ newHome, keys, registry, releases }, name, oneByOne) {
  const options = oneByOne ? ['-B', String(READ_BYTES), '-R', '1'] : [];
  let home;
  const { hash, bytes } = releases.fresh.archive;
  const target = (port) => ['-P', String(port), 'deploy-agent@127.0.0.1'];
  return {
    name,
    server: registry,
    waits: oneByOne ? Math.ceil(bytes / READ_BYTES) : undefined,
    begin: () => {
      home = newHome();
      mkdirSync(join(home, 'unpacked'), { recursive: true });
    },
    jobs: [
      {
        name: 'release',
        run: (port) => {
          const archive = join(home, 'archive');
          const input = `get files/${hash} ${archive}\n`;
          const fetching = timed(
            'sftp',
            ['-b', '-', ...options, ...sshOptions(keys.agent), ...target(port)],
            { input },
          );
          return { ms: fetching + timed('tar', ['xzf', archive, '-C', join(home, 'unpacked')]) };
        },
      },
    ],
    end: () => rmSync(home, { recursive: true, force: true }),
  };
}
