import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSsh } from '../support/open-ssh.js';
import { makeSite, type RegistrySite, startRegistry } from '../support/registry-process.js';
import { type Scope, testScope } from '../support/scope.js';
import { makeSshKey, type SshKey } from '../support/ssh-key.js';
import { Terminal } from '../support/terminal.js';
import { startWorld, type World } from '../support/world.js';

async function console(scope: Scope, world: World, key: SshKey): Promise<Terminal> {
  const terminal = new Terminal(scope, 'ssh', world.client('ops', key).sshArgs());
  await terminal.line('> ');
  return terminal;
}

/** Runs a change of a key file and waits until the registry has said what it makes of it. */
async function changing(world: World, change: () => void, message = 'key file loaded') {
  const from = world.registry.log.lines.length;
  change();
  return world.registry.log.lineAfter(from, message);
}

const lines = (...keys: readonly SshKey[]) => keys.map(({ line }) => `${line}\n`).join('');

it('a key that is added works without a restart', async () => {
  const world = await startWorld(testScope());
  const { operator, operatorKeys } = world.registry.site;
  const added = await makeSshKey(world.root, 'added');
  expect((await world.client('ops', added).exec('components')).status).toBe(255);
  const line = await changing(world, () => writeFileSync(operatorKeys, lines(operator, added)));
  expect(line).toMatchObject({ path: operatorKeys, role: 'operator', keys: 2 });
  expect((await world.client('ops', added).exec('components')).status).toBe(0);
});

it('a key that is removed ends its sessions and no others', async () => {
  const scope = testScope();
  const world = await startWorld(scope);
  const { operator, operatorKeys } = world.registry.site;
  const removed = await makeSshKey(world.root, 'removed');
  await changing(world, () => writeFileSync(operatorKeys, lines(operator, removed)));
  const stays = await console(scope, world, operator);
  const goes = await console(scope, world, removed);
  await changing(world, () => writeFileSync(operatorKeys, lines(operator)));
  expect(await goes.ended).toBe(255);
  await world.registry.log.line(({ msg, who }) => /^the key was removed/.test(msg) && who === 'removed@test');
  await stays.run('components');
  expect((await world.client('ops', removed).exec('components')).status).toBe(255);
});

it('a key that is restricted now ends its sessions too', async () => {
  const scope = testScope();
  const world = await startWorld(scope);
  const { operator, operatorKeys } = world.registry.site;
  const restricted = await makeSshKey(world.root, 'restricted');
  await changing(world, () => writeFileSync(operatorKeys, lines(operator, restricted)));
  const goes = await console(scope, world, restricted);
  await changing(world, () =>
    writeFileSync(operatorKeys, `${lines(operator)}from="10.0.0.0/8" ${lines(restricted)}`),
  );
  expect(await goes.ended).toBe(255);
});

it('the agents’ file is watched as well', async () => {
  const world = await startWorld(testScope());
  const other = await makeSshKey(world.root, 'other');
  await changing(world, () => writeFileSync(world.registry.site.agentKeys, lines(other)));
  expect((await world.client('deploy-agent', other).sftp('ls\n')).status).toBe(0);
  expect((await world.agent.sftp('ls\n')).status).toBe(255);
});

it('a broken file keeps the old keys and is logged; so does one that is gone; a good one then counts', async () => {
  const scope = testScope();
  const world = await startWorld(scope);
  const { operator, operatorKeys } = world.registry.site;
  const next = await makeSshKey(world.root, 'next');
  const session = await console(scope, world, operator);
  for (const text of ['', 'broken\n', `${next.line}\nssh-rsa AAAA\n`]) {
    const notUsable = 'key file not usable, keeping the keys in force';
    const line = await changing(world, () => writeFileSync(operatorKeys, text), notUsable);
    expect(line.level).toBe(50);
    expect(line.err).toContain(operatorKeys);
    expect((await world.operator.exec('components')).status).toBe(0);
  }
  await changing(world, () => rmSync(operatorKeys), 'key file removed, keeping the keys in force');
  expect((await world.operator.exec('components')).status).toBe(0);
  await session.run('components');
  await changing(world, () => writeFileSync(operatorKeys, lines(next)));
  expect(await session.ended).toBe(255);
  expect((await world.client('ops', next).exec('components')).status).toBe(0);
});

it('a file that is replaced by rename, again and again', async () => {
  const world = await startWorld(testScope());
  const { operator, operatorKeys } = world.registry.site;
  for (const name of ['one', 'two', 'three']) {
    const added = await makeSshKey(world.root, name);
    await changing(world, () => {
      writeFileSync(`${operatorKeys}.new`, lines(operator, added));
      renameSync(`${operatorKeys}.new`, operatorKeys);
    });
    expect((await world.client('ops', added).exec('components')).status).toBe(0);
  }
});

/** A volume as Kubernetes writes it: files are links through `..data`, a link that is swapped by rename. */
function projectVolume(dir: string, generation: string, keys: string): void {
  mkdirSync(join(dir, generation), { recursive: true });
  writeFileSync(join(dir, generation, 'operator.keys'), keys);
  const data = join(dir, '..data');
  let old: string | undefined;
  try {
    old = readlinkSync(data);
  } catch {
    symlinkSync('..data/operator.keys', join(dir, 'operator.keys')); // the first generation
  }
  symlinkSync(generation, `${data}_tmp`);
  renameSync(`${data}_tmp`, data);
  if (old !== undefined) rmSync(join(dir, old), { recursive: true });
}

it('a Kubernetes volume: the directory behind a link is swapped', async () => {
  const scope = testScope();
  const base = await makeSite(scope);
  const volume = join(base.root, 'volume');
  projectVolume(volume, '..2026_1', lines(base.operator));
  const site: RegistrySite = { ...base, operatorKeys: join(volume, 'operator.keys') };
  const registry = await startRegistry(scope, site);
  const client = (key: SshKey) => openSsh(registry, { dir: site.root, user: 'ops', key });
  for (const generation of ['..2026_2', '..2026_3', '..2026_4']) {
    const next = await makeSshKey(site.root, `key${generation}`);
    const from = registry.log.lines.length;
    projectVolume(volume, generation, lines(next));
    await registry.log.lineAfter(from, ({ msg, keys }) => msg === 'key file loaded' && keys === 1);
    expect((await client(next).exec('components')).status).toBe(0);
    expect((await client(site.operator).exec('components')).status).toBe(255);
  }
});

it('a key file that becomes a device keeps the keys in force, and the registry serves on', async () => {
  const world = await startWorld(testScope());
  const { operatorKeys } = world.registry.site;
  const line = await changing(
    world,
    () => {
      symlinkSync('/dev/zero', `${operatorKeys}.new`);
      renameSync(`${operatorKeys}.new`, operatorKeys);
    },
    'key file not usable, keeping the keys in force',
  );
  expect(line.err).toContain(`${operatorKeys} is not a regular file`);
  expect((await world.operator.exec('components')).status).toBe(0);
});
