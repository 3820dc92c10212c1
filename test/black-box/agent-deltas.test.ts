import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, agentOnce, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { type Archive, addVersion, archiveOf } from '../support/archive.js';
import { addConfiguration, changeLayer, command } from '../support/configuration.js';
import { loseManifests } from '../support/lose-manifests.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { tempDir } from '../support/temp-dir.js';
import { gnuTarTree, listTree, tar } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;
let tree: string;
let first: Archive;
let second: Archive;

/** Content that no compression makes shorter: 10 MB in 60 files of 100 kB and one of 4 MB. Both are versions of `tree`. */
beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  tree = tempDir(scope);
  for (let number = 0; number < 60; number++) writeFileSync(join(tree, `f${number}`), randomBytes(100_000));
  writeFileSync(join(tree, 'large'), randomBytes(4_000_000));
  first = await packed();
  appendFileSync(join(tree, 'f7'), 'changed');
  appendFileSync(join(tree, 'large'), 'appended');
  second = await packed();
  await addVersion(world.operator, first, 'tree', 'v1');
  await addVersion(world.operator, second, 'tree', 'v2');
});

async function packed(): Promise<Archive> {
  const path = join(tempDir(scope), 'tree.tar');
  await tar('cf', path, '--mtime=2024-05-06', '-C', tree, '.');
  return archiveOf(path);
}

async function expectRelease(of: Scope, site: AgentSite, archive: Archive): Promise<void> {
  const root = site.calls().at(-1)?.env.NEWROOT ?? '';
  expect(listTree(root)).toEqual(await gnuTarTree(of, [archive]));
}

const leftovers = (site: AgentSite) =>
  readdirSync(join(site.dir, 'unpacked')).filter((name) => name.startsWith('.'));

describe('an update', () => {
  it.each(['auto', 'hardlink', 'off'])(
    'fetches what changed and nothing else, with -reuse %s',
    async (reuse) => {
      const own = testScope();
      const name = `update-${reuse}`;
      await command(world.operator, `addconf ${name} tree:v1`);
      const site = makeAgentSite(own);
      const proxy = await startTcpProxy(own, world.registry);
      const flags = ['-addr', `${proxy.host}:${proxy.port}`, '-reuse', reuse];
      expect((await agentOnce(world, site, name, flags)).status).toBe(0);
      await expectRelease(own, site, first);
      await command(world.operator, `changeconf ${name} tree:v2`);
      const before = proxy.received();
      const done = await agentOnce(world, site, name, [...flags, '-cleanold']);
      expect(done.stderr).toContain('"msg":"built"');
      expect(proxy.received() - before).toBeLessThan(reuse === 'off' ? 11_000_000 : 500_000);
      await expectRelease(own, site, second);
      expect(existsSync(join(site.dir, 'cache'))).toBe(false); // no archive was ever needed
      expect(readdirSync(join(site.dir, 'manifests'))).toHaveLength(1);
    },
  );

  it('comes at once to an agent that runs', async () => {
    const own = testScope();
    await command(world.operator, 'addconf running tree:v1');
    const site = makeAgentSite(own);
    const agent = startAgent(own, world, site, 'running');
    await agent.log.line('deployed');
    const at = agent.log.lines.length;
    await command(world.operator, 'changeconf running tree:v2');
    await agent.log.lineAfter(at, 'deployed');
    await expectRelease(own, site, second);
    expect(agent.log.lines.filter((line) => line.msg === 'built').map((line) => line.stale)).toEqual([0, 0]);
    expect(await stopAgent(agent)).toBe(0);
  });
});

describe('a deployment that is cut off', () => {
  it('goes on where it was when the connection was lost: nothing that came is fetched again', async () => {
    const own = testScope();
    await command(world.operator, 'addconf cut tree:v1');
    const site = makeAgentSite(own);
    const proxy = await startTcpProxy(own, world.registry);
    const agent = startAgent(own, world, site, 'cut', ['-addr', `${proxy.host}:${proxy.port}`]);
    for (const bytes of [4_000_000, 8_000_000]) {
      await proxy.receivedAtLeast(bytes);
      proxy.cut();
    }
    await agent.log.line('deployed');
    await expectRelease(own, site, first);
    // 10 MB, and twice what was in flight: at most what the buffers hold, less than half of it here.
    expect(proxy.received()).toBeLessThan(10_500_000 + 2 * 4_500_000);
    expect(leftovers(site)).toEqual([]);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('goes on where it was when the agent was killed', async () => {
    const own = testScope();
    await command(world.operator, 'addconf killed tree:v1');
    const site = makeAgentSite(own);
    const proxy = await startTcpProxy(own, world.registry);
    const flags = ['-addr', `${proxy.host}:${proxy.port}`];
    const agent = startAgent(own, world, site, 'killed', flags);
    await proxy.receivedAtLeast(9_000_000);
    agent.child.kill('SIGKILL');
    await agent.ended;
    const before = proxy.received();
    expect((await agentOnce(world, site, 'killed', flags)).status).toBe(0);
    await expectRelease(own, site, first);
    expect(proxy.received() - before).toBeLessThan(9_500_000);
    expect(leftovers(site)).toEqual([]);
  });
});

describe('what is left half built', () => {
  it('is removed when nothing is to be deployed any more', async () => {
    const own = testScope();
    await command(world.operator, 'addconf left tree:v1');
    const site = makeAgentSite(own);
    expect((await agentOnce(world, site, 'left')).status).toBe(0);
    mkdirSync(join(site.dir, 'unpacked', '.new-0123456789ab'));
    expect((await agentOnce(world, site, 'left')).status).toBe(0);
    expect(leftovers(site)).toEqual([]);
    expect(site.calls()).toHaveLength(1);
  });
});

describe('whole archives are used instead', () => {
  it('when a chunk in the pack is damaged, with a word about it', async () => {
    const own = await startWorld(testScope());
    await addConfiguration(own.operator, 'damaged', { damaged: first });
    const packs = join(own.registry.site.dir, 'packs');
    for (const name of readdirSync(packs)) {
      const bytes = readFileSync(join(packs, name));
      bytes.writeUInt8((bytes.readUInt8(5_000_000) + 1) % 256, 5_000_000);
      writeFileSync(join(packs, name), bytes);
    }
    const site = makeAgentSite(testScope());
    const done = await agentOnce(own, site, 'damaged');
    expect(done.status).toBe(0);
    expect(done.stderr).toMatch(/"level":40.*is damaged.*using whole archives/);
    await expectRelease(testScope(), site, first);
    expect(leftovers(site)).toEqual([]);
  });

  it('when the registry has lost its manifests; the next update takes what it can from that release', async () => {
    const own = await startWorld(testScope());
    await addConfiguration(own.operator, 'lost', { lost: first });
    loseManifests(own);
    const site = makeAgentSite(testScope());
    const done = await agentOnce(own, site, 'lost');
    expect(done.stderr).toMatch(/using whole archives/);
    await expectRelease(testScope(), site, first);
    await changeLayer(own.operator, 'lost', 'lost', 'v2', second);
    const proxy = await startTcpProxy(testScope(), own.registry);
    const next = await agentOnce(own, site, 'lost', ['-addr', `${proxy.host}:${proxy.port}`]);
    expect(next.stderr).toContain('"msg":"built"');
    expect(proxy.received()).toBeLessThan(500_000);
    await expectRelease(testScope(), site, second);
  });
});
