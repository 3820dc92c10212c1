import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { binPath, PROJECT_ROOT } from '../support/program.js';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';

const PACKAGING = join(PROJECT_ROOT, 'packaging');
/** Ten times what `systemd-analyze security` calls the exposure, at most. */
const EXPOSURE = { 'deploy-registry.service': 15, 'deploy-agent@.service': 22, 'deploy-agent.service': 78 };

/** A unit as it is after installation, with the programs of this build; a template is instantiated. */
function installed(name: string): string {
  const text = readFileSync(join(PACKAGING, name), 'utf8');
  const path = join(tempDir(testScope()), name.replace('@', '@project1'));
  writeFileSync(
    path,
    text.replaceAll(/\/usr\/local\/bin\/(\S+)/g, (_path, program: string) => binPath(program)),
  );
  return path;
}

describeWith(['systemd-analyze'], 'the units', () => {
  it('are those that are checked here', () => {
    const units = readdirSync(PACKAGING).filter((name) => name.endsWith('.service'));
    expect(units.sort()).toEqual(Object.keys(EXPOSURE).sort());
  });

  it.each(Object.entries(EXPOSURE))('%s is understood by systemd, every line of it', async (name) => {
    expect(await run('systemd-analyze', ['verify', '--man=no', installed(name)])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('deploy-agent@.socket is the socket of its service', async () => {
    const service = installed('deploy-agent@.service');
    const socket = join(dirname(service), 'deploy-agent@project1.socket');
    copyFileSync(join(PACKAGING, 'deploy-agent@.socket'), socket);
    expect(await run('systemd-analyze', ['verify', '--man=no', socket])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it.each(Object.entries(EXPOSURE))('%s is as closed as the program allows', async (name, exposure) => {
    const options = ['--offline=yes', '--no-pager', `--threshold=${exposure}`];
    const { status, stdout } = await run('systemd-analyze', ['security', ...options, installed(name)]);
    expect({ status, overall: stdout.match(/Overall.*/)?.[0] }).toMatchObject({ status: 0 });
  });
});
