import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** The Debian package that brings each program. */
const PACKAGES: Readonly<Record<string, string>> = {
  plink: 'putty-tools',
  psftp: 'putty-tools',
  puttygen: 'putty-tools',
  lftp: 'lftp',
  zip: 'zip',
  xz: 'xz-utils',
  bzip2: 'bzip2',
  curl: 'curl',
  rclone: 'rclone',
  dbclient: 'dropbear-bin',
  dropbearconvert: 'dropbear-bin',
  'ssh-audit': 'ssh-audit',
  setpriv: 'util-linux',
  flock: 'util-linux',
  'systemd-notify': 'systemd',
  'systemd-analyze': 'systemd',
  'systemd-socket-activate': 'systemd',
  sshd: 'openssh-server',
  '/usr/lib/openssh/sftp-server': 'openssh-sftp-server',
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  rsync: 'rsync',
  serf: 'serf',
  openssl: 'openssl',
};

/** `describe` where all these programs, by name or by path, are installed; otherwise skipped, the title saying what to install. */
export function describeWith(programs: readonly string[], title: string, body: () => void): void {
  const missing = programs.filter((program) => !isInstalled(program));
  describeUnlessMissing(
    missing.map((program) => PACKAGES[program] ?? program),
    title,
    body,
  );
}

/** The same for a module of Debian's Python. */
export function describeWithPython(
  module: string,
  debianPackage: string,
  title: string,
  body: () => void,
): void {
  const found = spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
  describeUnlessMissing(found ? [] : [debianPackage], title, body);
}

/** The interpreter that sees Debian's Python modules. */
export const PYTHON = '/usr/bin/python3';

function describeUnlessMissing(packages: readonly string[], title: string, body: () => void): void {
  if (packages.length === 0) describe(title, body);
  else describe.skip(`${title} (needs: apt-get install ${[...new Set(packages)].join(' ')})`, body);
}

function isInstalled(program: string): boolean {
  const dirs = program.startsWith('/') ? ['/'] : (process.env.PATH ?? '').split(delimiter);
  return dirs.some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
