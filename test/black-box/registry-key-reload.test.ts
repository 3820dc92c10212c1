import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSsh } from '../support/open-ssh.js';
import { makeSite, startRegistry } from '../support/registry-process.js';
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
  await world.registry.log.line(
    ({ msg, who }) => /^connection ended: its key was removed/.test(msg) && who === 'removed@test',
  );
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

it('the last key that is removed from a file ends its sessions, and an operator is told by every command', async () => {
  const scope = testScope();
  const world = await startWorld(scope);
  const watching = world.agent.exec('watch project1');
  await world.registry.log.line(({ msg, role }) => msg === 'authenticated' && role === 'agent');
  await changing(
    world,
    () => writeFileSync(world.registry.site.agentKeys, ''),
    'no key of the key file is active',
  );
  expect((await watching).status).toBe(0);
  expect((await world.agent.exec('watch project1')).status).toBe(255);
  const answer = await world.operator.exec('components -json');
  expect(answer).toMatchObject({ status: 0, stdout: '[]\n' });
  expect(answer.stderr).toContain(`${world.registry.site.agentKeys} has no key: no agent can log in`);
});

it('a link that is pointed elsewhere', async () => {
  const scope = testScope();
  const base = await makeSite(scope);
  const link = join(base.root, 'link.keys');
  const other = await makeSshKey(base.root, 'other');
  mkdirSync(join(base.root, 'store'));
  writeFileSync(join(base.root, 'store', 'b'), lines(other));
  symlinkSync(base.operatorKeys, link);
  const registry = await startRegistry(scope, { ...base, operatorKeys: link });
  const from = registry.log.lines.length;
  symlinkSync('store/b', `${link}.new`);
  renameSync(`${link}.new`, link);
  await registry.log.lineAfter(from, 'key file loaded');
  const client = (key: SshKey) => openSsh(registry, { dir: base.root, user: 'ops', key });
  expect((await client(other).exec('components')).status).toBe(0);
  expect((await client(base.operator).exec('components')).status).toBe(255);
});

it('a key that may read other configurations now ends its sessions; what it may not read is refused', async () => {
  const scope = testScope();
  const world = await startWorld(scope);
  const { agent, agentKeys } = world.registry.site;
  const watching = world.agent.exec('watch db');
  await world.registry.log.line(({ msg, role }) => msg === 'authenticated' && role === 'agent');
  await changing(world, () => writeFileSync(agentKeys, `config="web,static-*" ${agent.line}\n`));
  expect((await watching).status).toBe(0);
  const refused = await world.agent.exec('watch web db');
  expect(refused).toMatchObject({
    status: 1,
    stderr:
      'this key may not read configuration "db" (the registry\'s key file has config="web,static-*" for this key)\n',
  });
  expect((await world.agent.sftp('get configs/db.json /dev/null\n')).status).toBe(1);
});
