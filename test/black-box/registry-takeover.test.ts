import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { archiveOf, LIVED_IN, stateBytes } from '../../packages/registry/test/takeover/original-state.js';
import { openSsh } from '../support/open-ssh.js';
import { binPath } from '../support/program.js';
import { makeSite, type RegistrySite, registryArgs, startRegistry } from '../support/registry-process.js';
import { run } from '../support/run.js';
import { type Scope, testScope } from '../support/scope.js';

/** A site whose directory the original has worked in. */
async function originalSite(scope: Scope): Promise<RegistrySite> {
  const site = await makeSite(scope);
  writeFileSync(join(site.dir, 'state.db'), stateBytes('lived-in'), { mode: 0o600 });
  mkdirSync(join(site.dir, 'files'), { mode: 0o700 });
  for (const [component, version] of LIVED_IN) {
    const { hash, bytes } = archiveOf(component, version);
    writeFileSync(join(site.dir, 'files', hash), bytes);
  }
  return site;
}

async function refusal(site: RegistrySite): Promise<string> {
  const { status, stderr } = await run(binPath('deploy-registry'), registryArgs(site));
  expect(status, stderr).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(existsSync(join(site.dir, 'registry.db'))).toBe(false);
  return stderr;
}

describe('a registry on the directory of the original', () => {
  it('shows and serves what the original did, also after restarts', async () => {
    const scope = testScope();
    const site = await originalSite(scope);
    let registry = await startRegistry(scope, site);
    const operator = openSsh(registry, { dir: site.root, user: 'ops', key: site.operator });
    const agent = openSsh(registry, { dir: site.root, user: 'deploy-agent', key: site.agent });
    for (let round = 0; round < 2; round += 1) {
      expect((await operator.exec('configurations')).stdout).toBe('project1\nпроект 2\n');
      expect((await operator.exec('showconf -name project1')).stdout).toBe(
        'code     v 02   2017-03-01T11:25:16Z   \nconfig   v01    2017-03-01T11:23:46Z   \n',
      );
      registry = await registry.stop().then(() => registry.restart());
    }
    const bumped = await operator.exec('bumpconf -name project1 -component config');
    expect(bumped.stdout).toContain('changeconf -name="project1" -component="config" -version="v01"');
    const target = join(site.root, 'fetched');
    const fetched = await agent.sftp(`get /files/${archiveOf('config', 'v02').hash} ${target}\n`);
    expect(fetched.status, fetched.stderr).toBe(0);
    expect(readFileSync(target, 'utf8')).toBe('archive of config:v02\n');
    expect(readFileSync(join(site.dir, 'state.db')).equals(stateBytes('lived-in'))).toBe(true);
  });

  it('does not start when state.db is damaged', async () => {
    const site = await originalSite(testScope());
    const bytes = stateBytes('lived-in');
    bytes.fill(0xff, 2 * 4096, 12 * 4096);
    writeFileSync(join(site.dir, 'state.db'), bytes);
    expect(await refusal(site)).toMatch(
      /^deploy-registry: \S+state\.db cannot be taken over: page \d+ is damaged: .* \(restore it from a backup\)\n$/,
    );
  });

  it('does not start without the archives', async () => {
    const site = await originalSite(testScope());
    rmSync(join(site.dir, 'files'), { recursive: true });
    expect(await refusal(site)).toContain('none of the archives that it names is in files/');
  });

  it('does not start while the original runs', async () => {
    const site = await originalSite(testScope());
    const holder = spawn('flock', ['-x', join(site.dir, 'state.db'), 'sh', '-c', 'echo locked; read line']);
    await once(holder.stdout, 'data');
    expect(await refusal(site)).toContain('the Go registry is running on ');
    holder.stdin.end('\n');
    await once(holder, 'close');
  });

  it('started anew after a kill in the middle of taking over, has all of it', async () => {
    const scope = testScope();
    const site = await originalSite(scope);
    for (const delayMs of [150, 250, 300, 350, 400, 450, 500, 600]) {
      const child = spawn(binPath('deploy-registry'), registryArgs(site), { stdio: 'ignore' });
      const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
      await once(child, 'close');
      clearTimeout(timer);
    }
    const registry = await startRegistry(scope, site);
    const operator = openSsh(registry, { dir: site.root, user: 'ops', key: site.operator });
    expect((await operator.exec('configurations')).stdout).toBe('project1\nпроект 2\n');
    expect((await operator.exec('components')).stdout).toBe('a component\ncode\nconfig\nКомпонент один\n');
  });
});
