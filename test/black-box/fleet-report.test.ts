import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { describe, expect, it } from 'vitest';
import { makeTar } from '../support/archive.js';
import { addConfiguration } from '../support/configuration.js';
import { openSsh } from '../support/open-ssh.js';
import { peakMemory } from '../support/process-memory.js';
import { startHost } from '../support/reporting-host.js';
import { type Scope, testScope } from '../support/scope.js';
import { makeSshKey } from '../support/ssh-key.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

const HASH = 'a'.repeat(64);
const hello = (host: string): AgentLine => ({
  type: 'hello',
  hello: { host, agent: '0.2.0', labels: {}, configs: ['project1'] },
});
const healthy = (deploy: string): StateReport => ({
  config: 'project1',
  state: 'healthy',
  hash: HASH,
  deploy,
});

async function withProject(scope: Scope, flags: readonly string[] = []): Promise<World> {
  const world = await startWorld(scope, flags);
  const code = makeTar(join(world.root, 'code'), Buffer.from('code'));
  await addConfiguration(world.operator, 'project1', { code });
  return world;
}

/** `ssh … report < lines`. */
function report(world: World, ...lines: readonly (AgentLine | string)[]) {
  const input = lines
    .map((line) => (typeof line === 'string' ? `${line}\n` : encodeAgentLine(line)))
    .join('');
  return world.agent.exec('report', { input });
}

const host = async (world: World, name: string) => {
  const { stdout } = await world.operator.exec('agents -json');
  return JSON.parse(stdout).find((shown: { host: string }) => shown.host === name);
};

describe('exec report', () => {
  it('takes lines from standard input, answers them, and ends with status 0 when they end', async () => {
    const world = await startWorld(testScope());
    const { status, stdout } = await report(world, hello('web1'), { type: 'state', report: healthy('d1') });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { Type: 'welcome', Host: 'web1' },
      { Type: 'ack', Deploy: 'd1', State: 'healthy' },
    ]);
    expect(status).toBe(0);
    expect(await host(world, 'web1')).toMatchObject({ state: 'healthy', contact: 'live', address: null });
  });

  it.each([
    ['what is no JSON', 'nonsense', 'line is not valid JSON'],
    [
      'a key that is malformed',
      '{"Type":"state","Config":"project1","State":"fine"}',
      "State of the agent's line is malformed",
    ],
    [
      'a configuration that hello did not name',
      '{"Type":"state","Config":"q","State":"pending"}',
      'reported on "q", which its hello does not name',
    ],
    ['a line that is too long', `{"Type":"${'x'.repeat(70_000)}"}`, 'a line is longer than 65536 bytes'],
  ])('refuses %s, says why, and ends with status 1', async (_what, line, error) => {
    const world = await startWorld(testScope());
    const { status, stdout } = await report(world, hello('web1'), line, {
      type: 'state',
      report: healthy('d1'),
    });
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ Type: 'refused', Error: expect.stringContaining(error) });
    expect(status).toBe(1);
    expect((await host(world, 'web1')).state).toBeNull();
  });

  it('is for agents, and takes no words', async () => {
    const world = await startWorld(testScope());
    expect((await world.operator.exec('report')).status).toBe(1);
    expect((await world.agent.exec('report web1')).status).toBe(1);
    expect((await world.agent.exec('status project1')).status).not.toBe(0);
  });

  it('carries retry to those who are connected, and signs of life', async () => {
    const scope = testScope();
    const world = await withProject(scope, ['-heartbeat', '200ms']);
    const [web1, web2] = await Promise.all(
      ['web1', 'web2'].map((name) => startHost(scope, world.agent, { host: name, configs: ['project1'] })),
    );
    await web2?.leave();
    const { status, stdout } = await world.operator.exec('retry project1');
    expect([status, stdout]).toEqual([1, 'told: web1\nnot connected: web2\n']);
    await web1?.hears((line) => line.type === 'retry' && line.config === 'project1');
    await web1?.hears(({ type }) => type === 'heartbeat');
  });
});

describe('a host name', () => {
  it('belongs to the key that used it first, until an operator frees it', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const { site, log } = world.registry;
    const other = await makeSshKey(world.root, 'other');
    writeFileSync(site.agentKeys, `${site.agent.line}\n${other.line}\n`);
    await log.line('key file loaded');
    const thief = openSsh(world.registry, { dir: world.root, user: 'deploy-agent', key: other });
    await (await startHost(scope, world.agent, { host: 'web1', configs: ['p'] })).leave();
    const refused = await thief.exec('report', { input: encodeAgentLine(hello('web1')) });
    expect(JSON.parse(refused.stdout)).toMatchObject({
      Type: 'refused',
      Error: 'the host name web1 belongs to another key (an operator frees it with: forget -host web1)',
    });
    expect((await world.operator.exec('forget web1')).status).toBe(0);
    expect((await thief.exec('report', { input: encodeAgentLine(hello('web1')) })).status).toBe(0);
  });

  it('that a key file binds is for that key only, and that key for it only, from the next line on', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const { site, log } = world.registry;
    const bound = await makeSshKey(world.root, 'bound');
    const before = await startHost(scope, world.agent, { host: 'web1', configs: ['p'] });
    writeFileSync(site.agentKeys, `${site.agent.line}\nhost="web1" ${bound.line}\n`);
    await log.line('key file loaded');
    before.say({ type: 'heartbeat' });
    const line = await before.hears(({ type }) => type === 'refused');
    expect(line).toMatchObject({ error: 'the host name web1 is kept for another key' });
    expect(await before.ended).toBe(1);
    const owner = openSsh(world.registry, { dir: world.root, user: 'deploy-agent', key: bound });
    expect((await owner.exec('report', { input: encodeAgentLine(hello('web1')) })).status).toBe(0);
    const other = await owner.exec('report', { input: encodeAgentLine(hello('web2')) });
    expect(other.stdout).toContain('this key is for host web1 only');
  });
});

describe('a registry that is restarted', () => {
  it('knows what hosts last said, and that they are not heard yet', async () => {
    const scope = testScope();
    const world = await withProject(scope);
    const web1 = await startHost(scope, world.agent, { host: 'web1', configs: ['project1'] });
    await web1.report(healthy('d1'));
    expect(await world.registry.stop()).toBe(0);
    expect(await web1.ended).toBe(0);
    await world.registry.restart();
    expect(await host(world, 'web1')).toMatchObject({
      contact: 'unheard',
      category: 'unknown',
      state: 'healthy',
    });
    const { stdout } = await world.operator.exec('status project1');
    expect(stdout).toMatch(/^unknown +web1 +healthy .* not heard since the registry started, \d+s$/m);
    await startHost(scope, world.agent, { host: 'web1', configs: ['project1'] });
    expect(await host(world, 'web1')).toMatchObject({ contact: 'live' });
  });

  it('has every outcome that it acknowledged, also when it was killed', async () => {
    const scope = testScope();
    const world = await withProject(scope);
    const web1 = await startHost(scope, world.agent, { host: 'web1', configs: ['project1'] });
    for (const deploy of ['d1', 'd2', 'd3']) await web1.report(healthy(deploy));
    await world.registry.kill9();
    await world.registry.restart();
    const { stdout } = await world.operator.exec('history project1 -host web1 -json');
    expect(JSON.parse(stdout).map(({ deploy }: { deploy: string }) => deploy)).toEqual(['d1', 'd2', 'd3']);
  });
});

it('an agent that floods the registry holds up nobody else, and fills nothing', async () => {
  const scope = testScope();
  const world = await withProject(scope);
  const flood = await startHost(scope, world.agent, { host: 'flood', configs: ['project1'] });
  const other = await startHost(scope, world.agent, { host: 'web1', configs: ['project1'] });
  const before = peakMemory(world.registry.pid);
  const log = Array.from({ length: 100 }, () => 'x'.repeat(300));
  for (let at = 0; at < 1000; at += 1) {
    flood.say({ type: 'state', report: { ...healthy(`f${at}`), log } }); // 32 MB
  }
  await until('the flood is taken', () => flood.heard.some(({ type }) => type === 'ack'));
  const started = performance.now();
  for (let at = 0; at < 5; at += 1) {
    await other.report(healthy(`d${at}`));
    expect((await world.operator.exec('status project1 -json')).status).toBe(0);
  }
  expect(performance.now() - started).toBeLessThan(100_000);
  expect(peakMemory(world.registry.pid) - before).toBeLessThan(60 * 1024 * 1024);
  const { stdout } = await world.operator.exec('history project1 -host flood -limit 1000 -json');
  expect(JSON.parse(stdout).length).toBeLessThan(100);
});
