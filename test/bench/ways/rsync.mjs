import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sshOptions } from '../lib/programs.mjs';
import { isInstalled, timed } from '../lib/run.mjs';

/**
 * `rsync -az --no-whole-file` over ssh from the trees themselves: into an empty directory; into a fresh one with the
 * first release to compare with; and into the first release, in place.
 * @param sshd undefined where there is none.
 * @returns the way, or why it is left out.
 */
export function rsyncWay({ newHome, keys, sshd, releases }) {
  if (!isInstalled('rsync')) return 'rsync is not installed';
  if (sshd === undefined) return "OpenSSH's server is not installed, so no rsync over ssh";
  let home;
  const rsync = (port, tree, into, ...options) => ({
    ms: timed('rsync', [
      ...[
        '-az',
        '--no-whole-file',
        '-e',
        ['ssh', ...sshOptions(keys.operator), '-p', port].join(' '),
        ...options,
      ],
      ...[`${sshd.user}@127.0.0.1:${tree}/`, join(home, into)],
    ]),
  });
  const { old, fresh } = releases;
  return {
    name: 'rsync',
    server: sshd,
    begin: () => {
      home = newHome();
      mkdirSync(home);
    },
    jobs: [
      { name: 'cold', run: (port) => rsync(port, old.tree, 'old') },
      {
        name: 'update --link-dest',
        run: (port) => rsync(port, fresh.tree, 'fresh', `--link-dest=${join(home, 'old')}`),
      },
      { name: 'update in place', run: (port) => rsync(port, fresh.tree, 'old') },
    ],
    end: () => rmSync(home, { recursive: true, force: true }),
  };
}
