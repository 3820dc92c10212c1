import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agentOnce, deployedHash, makeAgentSite } from '../support/agent-site.js';
import type { Archive } from '../support/archive.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { binPath } from '../support/program.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { gnuTarTree, listTree, packTree } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

describe('deploy-agent -once', () => {
  const scope = fileScope();
  let world: World;
  let code1: Archive;
  let config1: Archive;
  let config2: Archive;

  beforeAll(async () => {
    world = await overOneConnection(scope, await startWorld(scope));
    code1 = await packTree(scope, world.root, 'code1', {
      'bin/app': { content: '#!/bin/sh\necho one\n', mode: 0o755 },
      'lib/deep/er/module.txt': 'module',
      current: { link: 'lib/deep' },
      'site.conf': 'from code',
      secret: { content: 'x', mode: 0o600 },
    });
    config1 = await packTree(scope, world.root, 'config1', { 'site.conf': 'one', 'conf/a': 'a' });
    config2 = await packTree(scope, world.root, 'config2', { 'site.conf': 'two', 'conf/b': 'b' });
  });

  it('says once that setuid bits were left out, and of how many entries', async () => {
    const setid = await packTree(scope, world.root, 'setid', {
      'bin/su': { content: 'x', mode: 0o4755 },
      'bin/sg': { content: 'y', mode: 0o2755 },
      plain: 'z',
    });
    await addConfiguration(world.operator, 'setid', { setid });
    const site = makeAgentSite(testScope());
    const done = await agentOnce(world, site, 'setid');
    expect(done.status).toBe(0);
    const warnings = done.stderr.split('\n').filter((line) => line.includes('were left out'));
    expect(warnings.map((line) => JSON.parse(line))).toMatchObject([{ level: 40, entries: 2 }]);
    const kept = makeAgentSite(testScope());
    const all = await agentOnce(world, kept, 'setid', ['-allow', 'setid']);
    expect([all.status, all.stderr.includes('left out')]).toEqual([0, false]);
    const modes = [site, kept].map(
      ({ calls }) => statSync(join(calls()[0]?.env.NEWROOT ?? '', 'bin/su')).mode,
    );
    expect(modes.map((mode) => mode & 0o7777)).toEqual([0o755, 0o4755]);
  });

  it('deploys first: no old release, the tree of GNU tar, an environment of its own', async () => {
    await addConfiguration(world.operator, 'first', { 'first-code': code1, 'first-config': config1 });
    const site = makeAgentSite(testScope());
    const env = { ...process.env, SECRET_TOKEN: 'hush', AWS_KEY: 'hush', LANG: 'C.UTF-8', HOME: site.root };
    const done = await agentOnce(world, site, 'first', [], { env });
    expect(done.stderr).not.toContain('hush');
    expect(done.status).toBe(0);
    const hash = await configurationHashOf(world.operator, 'first');
    const [call] = site.calls();
    expect(call?.env).toEqual({
      ...inherited(env),
      OLDID: '',
      OLDROOT: '',
      NEWID: hash,
      NEWROOT: join(site.dir, 'unpacked', hash),
      STATEFILE: call?.env.STATEFILE,
      LAYER_0_NAME: 'first-code',
      LAYER_0_VERSION: 'v1',
      LAYER_1_NAME: 'first-config',
      LAYER_1_VERSION: 'v1',
      HOOK: 'script',
      REASON: 'deploy',
      CONFIG: 'first',
      REVISION: '1',
      ATTEMPT: '1',
    });
    expect(JSON.parse(call?.state ?? '')).toMatchObject({
      Name: 'first',
      Hash: hash,
      Layers: [{ Name: 'first-code', File: `files/${code1.hash}` }, { Name: 'first-config' }],
    });
    expect(existsSync(call?.env.STATEFILE ?? '')).toBe(false); // gone with the script
    expect(listTree(call?.env.NEWROOT ?? '')).toEqual(await gnuTarTree(testScope(), [code1, config1]));
    expect(readFileSync(site.state, 'utf8')).toBe(call?.state);
  });

  it('is done when it looks again, and updates when the configuration changes, fetching only what changed', async () => {
    await addConfiguration(world.operator, 'update', { 'update-code': code1, 'update-config': config1 });
    const site = makeAgentSite(testScope());
    expect((await agentOnce(world, site, 'update')).status).toBe(0);
    const old = await configurationHashOf(world.operator, 'update');
    expect((await agentOnce(world, site, 'update')).status).toBe(0);
    expect(site.calls()).toHaveLength(1);

    const deployctl = [
      '-addr',
      `${world.registry.host}:${world.registry.port}`,
      '-fp',
      world.registry.fingerprint,
    ];
    const operator = [...deployctl, '-key', world.registry.site.operator.path];
    const added = await run(binPath('deployctl'), [
      ...operator,
      ...['addver', '-name', 'update-config', '-version', 'v2', '-file', config2.path],
    ]);
    expect(added.status).toBe(0);
    const changed = ['changeconf', '-name', 'update', '-component', 'update-config', '-version', 'v2'];
    expect((await run(binPath('deployctl'), [...operator, ...changed])).status).toBe(0);
    const before = world.registry.log.lines.length;
    expect((await agentOnce(world, site, 'update')).status).toBe(0);
    await world.registry.log.lineAfter(before, (line) => line.msg === 'download ended' && line.of === 'pack');
    const fetched = world.registry.log.lines.slice(before).filter((line) => line.msg === 'download ended');
    const config = join(tempDir(testScope()), 'update.json');
    expect((await world.agent.sftp(`get configs/update.json ${config}\n`)).status).toBe(0);
    const { Layers } = JSON.parse(readFileSync(config, 'utf8')) as { Layers: { Manifest: string }[] };
    expect(fetched.map((line) => line.of).sort()).toEqual(['manifest', 'pack']);
    expect(fetched.find((line) => line.of === 'manifest')?.file).toBe(Layers[1]?.Manifest);

    const hash = await configurationHashOf(world.operator, 'update');
    expect(site.calls()[1]?.env).toMatchObject({
      OLDID: old,
      OLDROOT: join(site.dir, 'unpacked', old),
      NEWID: hash,
      NEWROOT: join(site.dir, 'unpacked', hash),
      LAYER_1_VERSION: 'v2',
    });
    const scope = testScope();
    expect(listTree(join(site.dir, 'unpacked', old))).toEqual(await gnuTarTree(scope, [code1, config1]));
    expect(listTree(join(site.dir, 'unpacked', hash))).toEqual(await gnuTarTree(scope, [code1, config2]));
  });

  it('names absolute directories when -dir is relative', async () => {
    await addConfiguration(world.operator, 'relative', { 'relative-code': code1 });
    const site = makeAgentSite(testScope());
    const flags = ['-dir', 'here', '-state', 'my-state.json', '-script', './deploy.sh'];
    expect((await agentOnce(world, site, 'relative', flags)).status).toBe(0);
    const [call] = site.calls();
    expect(call?.env.NEWROOT).toBe(join(site.root, 'here/unpacked', call?.env.NEWID ?? ''));
    expect(existsSync(join(site.root, 'my-state.json'))).toBe(true);
  });

  it('removes every release but the new one with -cleanold, also those that failed', async () => {
    await addConfiguration(world.operator, 'clean', { 'clean-config': config1 });
    const site = makeAgentSite(testScope());
    await agentOnce(world, site, 'clean');
    site.scriptDoes('exit 1');
    await changeLayer(world.operator, 'clean', 'clean-config', 'v2', config2);
    expect((await agentOnce(world, site, 'clean')).status).toBe(1);
    expect(releases(site.dir).filter((name) => !name.endsWith('.ok'))).toHaveLength(2);
    site.scriptDoes('test -e "$OLDROOT/conf/a"');
    await changeLayer(world.operator, 'clean', 'clean-config', 'v3', code1);
    expect((await agentOnce(world, site, 'clean', ['-cleanold'])).status).toBe(0);
    const hash = await configurationHashOf(world.operator, 'clean');
    expect(releases(site.dir)).toEqual([hash, `${hash}.ok`]);
  });

  it('leaves the releases before alone without -cleanold, and makes a fresh one when going back', async () => {
    await addConfiguration(world.operator, 'back', { 'back-config': config1 });
    const site = makeAgentSite(testScope(), 'echo edited > "$NEWROOT/site.conf"; touch "$NEWROOT/started"');
    await agentOnce(world, site, 'back');
    await changeLayer(world.operator, 'back', 'back-config', 'v2', config2);
    await agentOnce(world, site, 'back');
    expect(releases(site.dir).filter((name) => !name.endsWith('.ok'))).toHaveLength(2);
    site.scriptDoes('test ! -e "$NEWROOT/started"');
    await command(world.operator, 'changeconf -name back -component back-config -version v1');
    expect((await agentOnce(world, site, 'back')).status).toBe(0);
    const { NEWROOT = '' } = site.calls()[2]?.env ?? {};
    expect(listTree(NEWROOT)).toEqual(await gnuTarTree(testScope(), [config1]));
  });

  it('takes over from the original: its state file is current', async () => {
    await addConfiguration(world.operator, 'theirs', { 'theirs-code': code1 });
    const hash = await configurationHashOf(world.operator, 'theirs');
    const layer = {
      Name: 'theirs-code',
      Version: 'v1',
      File: `files/${code1.hash}`,
      Hash: code1.hash,
      Ctime: '2017-03-01T11:23:36.1Z',
    };
    const state = { Name: 'theirs', Mtime: '2017-03-01T11:28:18.123456789Z', Hash: hash, Layers: [layer] };
    const site = makeAgentSite(testScope());
    writeFileSync(site.state, `${JSON.stringify(state, null, '\t')}\n`);
    expect((await agentOnce(world, site, 'theirs')).status).toBe(0);
    expect(site.calls()).toEqual([]);
    await changeLayer(world.operator, 'theirs', 'theirs-code', 'v2', config1);
    expect((await agentOnce(world, site, 'theirs')).status).toBe(0);
    expect(site.calls()[0]?.env.OLDID).toBe(hash);
    expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, 'theirs'));
  });

  it('deploys without a script when -script is empty', async () => {
    await addConfiguration(world.operator, 'quiet', { 'quiet-code': code1 });
    const site = makeAgentSite(testScope());
    expect((await agentOnce(world, site, 'quiet', ['-script', ''])).status).toBe(0);
    expect(site.calls()).toEqual([]);
    expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, 'quiet'));
  });
});

function inherited(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'SHELL'];
  const pairs = names.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]);
  return Object.fromEntries(pairs);
}

function releases(dir: string): string[] {
  return readdirSync(join(dir, 'unpacked')).sort();
}
