import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { deployedHash, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import type { Archive } from '../support/archive.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { fileScope, testScope } from '../support/scope.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

/** Polls are too far apart to be what a test sees. */
const NO_POLLS = ['-poll', '1h'];

const scope = fileScope();
let world: World;
let versions: readonly Archive[];

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '200ms']));
  versions = await Promise.all(
    [1, 2, 3, 4].map((number) => packTree(scope, world.root, `v${number}`, { 'a.txt': String(number) })),
  );
});

/** Sets the one layer of a configuration to one of the archives. */
async function change(of: World, name: string, number: number): Promise<void> {
  const archive = versions[number - 1];
  if (archive === undefined) throw new Error(`there is no archive ${number}`);
  if (number === 1) await addConfiguration(of.operator, name, { [name]: archive });
  else await changeLayer(of.operator, name, name, `v${number}`, archive);
}

const told = 'the registry announces changes';

describe('a change', () => {
  it('is deployed at once', async () => {
    await change(world, 'push', 1);
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, 'push', NO_POLLS);
    await agent.log.line('deployed');
    for (const number of [2, 3]) {
      const from = agent.log.lines.length;
      await change(world, 'push', number);
      await agent.log.lineAfter(from, 'deployed');
    }
    expect(site.calls()).toHaveLength(3);
    expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, 'push'));
    expect(await stopAgent(agent)).toBe(0);
  });

  it('that comes while another is being deployed is deployed right after it', async () => {
    await change(world, 'during', 1);
    const site = makeAgentSite(testScope());
    const go = join(site.root, 'go');
    site.scriptDoes(`while [ ! -e '${go}' ]; do sleep 0.05; done`);
    const agent = startAgent(testScope(), world, site, 'during', NO_POLLS);
    await agent.log.line(told);
    await until('the script runs', () => site.calls().length === 1);
    await change(world, 'during', 2);
    await agent.log.line(({ msg, revision }) => msg === 'change announced' && revision === 2);
    writeFileSync(go, '');
    await until('the script ran again', () => site.calls().length === 2);
    await until('it is deployed', () => existsSync(site.state));
    await agent.log.line(({ msg, revision }) => msg === 'new configuration' && revision === 2);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('is deployed at once while a failed one waits to be tried again; back again too', async () => {
    await change(world, 'failing', 1);
    const site = makeAgentSite(testScope(), 'grep -q 2 "$NEWROOT/a.txt" && exit 1; exit 0');
    const agent = startAgent(testScope(), world, site, 'failing', NO_POLLS);
    await agent.log.line('deployed');
    await change(world, 'failing', 2);
    await agent.log.line('deployment failed, it is retried later');
    const from = agent.log.lines.length;
    await change(world, 'failing', 3);
    await agent.log.lineAfter(from, 'deployed');
    expect(site.calls()).toHaveLength(3);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('of what was not there, or was deleted, is deployed when it is there', async () => {
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, 'later', NO_POLLS);
    await agent.log.line(({ kind }) => kind === 'not-found');
    await agent.log.line(told);
    await change(world, 'later', 1);
    await agent.log.line('deployed');
    await command(world.operator, 'delconf later -force');
    const from = agent.log.lines.length;
    await command(world.operator, 'addconf later later:v1');
    await change(world, 'later', 2);
    await agent.log.lineAfter(from, 'deployed');
    expect(await stopAgent(agent)).toBe(0);
  });

  it('waits for the next poll with -watch=false', async () => {
    await change(world, 'unwatched', 1);
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, 'unwatched', ['-watch=false', '-poll', '300ms']);
    await agent.log.line('deployed');
    await change(world, 'unwatched', 2);
    const from = agent.log.lines.length;
    await agent.log.lineAfter(from, 'deployed');
    expect(agent.log.lines.filter(({ msg }) => msg === told || msg === 'change announced')).toEqual([]);
    expect(await stopAgent(agent)).toBe(0);
  });
});

describe('a connection that is lost', () => {
  it('with its registry is made again; what changed meanwhile is deployed, what changes then too', async () => {
    const own = await startWorld(testScope());
    await change(own, 'killed', 1);
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), own, site, 'killed', NO_POLLS);
    await agent.log.line(told);
    await agent.log.line('deployed');
    await own.registry.kill9();
    await agent.log.line(({ kind }) => kind === 'connect');
    const again = await own.registry.restart();
    for (const number of [2, 3]) {
      const from = agent.log.lines.length;
      await change(own, 'killed', number);
      await agent.log.lineAfter(from, 'deployed');
    }
    expect(site.calls()).toHaveLength(3);
    const left = performance.now();
    expect(await again.stop()).toBe(0);
    expect(performance.now() - left).toBeLessThan(20_000);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('because it lived long enough is made again, and nothing is missed', async () => {
    const own = await startWorld(testScope(), ['-deadline', '3s']);
    await change(own, 'deadline', 1);
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), own, site, 'deadline', NO_POLLS);
    for (const number of [2, 3]) {
      const from = agent.log.lines.length;
      await agent.log.lineAfter(from, told);
      await change(own, 'deadline', number);
      await agent.log.lineAfter(
        from,
        ({ msg, revision }) => msg === 'new configuration' && revision === number,
      );
    }
    await until('the last is deployed', async () => {
      return deployedHash(site) === (await configurationHashOf(own.operator, 'deadline'));
    });
    expect(agent.log.lines.filter(({ level, kind }) => level > 40 && kind !== 'connect')).toEqual([]);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('without a sign is found by the silence, and made again', async () => {
    await change(world, 'halfopen', 1);
    const proxy = await startTcpProxy(testScope(), world.registry);
    const site = makeAgentSite(testScope());
    const through = [...NO_POLLS, '-addr', `${proxy.host}:${proxy.port}`, '-silence', '3s'];
    const agent = startAgent(testScope(), world, site, 'halfopen', through);
    await agent.log.line(told);
    await agent.log.line('deployed');
    const from = agent.log.lines.length;
    proxy.freeze();
    await change(world, 'halfopen', 2);
    await agent.log.lineAfter(from, ({ msg }) => msg.startsWith('the registry has sent nothing for 3s'));
    await agent.log.lineAfter(from, 'deployed');
    expect(site.calls()).toHaveLength(2);
    expect(await stopAgent(agent)).toBe(0);
  });
});
