import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, agentOnce, deployedHash, makeAgentSite, startAgent } from '../support/agent-site.js';
import type { Archive } from '../support/archive.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { PATIENCE } from '../support/patience.js';
import { fileScope, testScope } from '../support/scope.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { gnuTarTree, listTree, packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

/** 100 for a thorough look. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 6);
const LONGEST_LIFE_MS = 2500;
/** A good release has time on any machine, unless flags say otherwise; these, for one that is bad. */
const SOON = ['-healthy-deadline', '1500ms'];
const HOOKS = ['pre', 'prepare', 'validate', 'post', 'failure', 'rollback'];
/** Programs that wait while a file of their name is there. */
const WAITS = `while test -e "$(dirname "$0")/block-$HOOK"; do sleep 0.05; done`;

const scope = fileScope();
let world: World;
let good: readonly [Archive, Archive];
let bad: Archive;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '1s']));
  const files = (version: string) =>
    Object.fromEntries([...'abcdefgh'].map((name) => [name, `${version} ${name}`]));
  good = [
    await packTree(scope, world.root, 'one', { ...files('one'), health: 'good' }),
    await packTree(scope, world.root, 'two', { ...files('two'), health: 'good' }),
  ];
  bad = await packTree(scope, world.root, 'bad', { ...files('bad'), health: 'bad' });
});

/** A host with all hooks, and checks. */
function makeHost(host: string): { readonly site: AgentSite; readonly flags: readonly string[] } {
  const site = makeAgentSite(testScope(), WAITS);
  const hooks = HOOKS.flatMap((hook) => {
    const path = join(site.root, `hook-${hook}`);
    writeFileSync(path, `#!/bin/sh\n${WAITS}\n`, { mode: 0o755 });
    return [`-hook-${hook}`, path];
  });
  const check = `test ! -e ${site.root}/block-health && test "$(cat "$NEWROOT/health")" = good`;
  const times = [
    '-min-healthy',
    '200ms',
    '-healthy-deadline',
    '20s',
    '-health-interval',
    '50ms',
    '-unhealthy-after',
    '0',
  ];
  return { site, flags: [...hooks, '-health-exec', check, ...times, '-host', host] };
}

interface JournalFile {
  readonly running?: { readonly hash: string };
  readonly lastGood?: { readonly hash: string };
  /** None where nothing was tried yet, or where what was begun is not wanted any more and nothing of it was done. */
  readonly attempt?: { readonly step: string };
}

const journal = (site: AgentSite): JournalFile =>
  JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));
const blockOf = (site: AgentSite, what: string) => join(site.root, `block-${what}`);
const reaches = (site: AgentSite, step: string) =>
  until(`the step ${step}`, () => journal(site).attempt?.step === step);

/** What runs is a complete release, and every file says so. */
function checkTruth(site: AgentSite, trees: ReadonlyMap<string, readonly string[]>, hash: string): void {
  expect(deployedHash(site)).toBe(hash);
  expect(journal(site).running?.hash).toBe(hash);
  expect(basename(readlinkSync(join(site.dir, 'current')))).toBe(hash);
  expect(site.calls().at(-1)?.env.NEWID).toBe(hash);
  expect(listTree(join(site.dir, 'unpacked', hash))).toEqual(trees.get(hash));
}

async function prepared(name: string, next: Archive) {
  await addConfiguration(world.operator, name, { [`${name}-code`]: good[0] });
  const { site, flags } = makeHost(name);
  expect((await agentOnce(world, site, name, flags)).status).toBe(0);
  const first = await configurationHashOf(world.operator, name);
  await changeLayer(world.operator, name, `${name}-code`, 'v2', next);
  const second = await configurationHashOf(world.operator, name);
  const trees = new Map([
    [first, await gnuTarTree(testScope(), [good[0]])],
    [second, await gnuTarTree(testScope(), [next])],
  ]);
  return { site, flags, first, second, trees };
}

describe('kill -9 of the agent', () => {
  it.each([
    ['pending', 'pre', true],
    ['staged', 'prepare', true],
    ['activating', 'script', true],
    ['validating', 'health', true],
    ['validating', 'validate', true],
    ['healthy', 'post', true],
    ['rolling-back', 'rollback', false],
    ['rolled-back', 'failure', false],
  ] as const)(
    'while %s (in %s): the next one ends on a release that is proven',
    async (step, block, isGood) => {
      const name = `walk-${block}`;
      const { site, first, second, trees, ...host } = await prepared(name, isGood ? good[1] : bad);
      const flags = isGood ? host.flags : [...host.flags, ...SOON];
      writeFileSync(blockOf(site, block), '');
      const killed = startAgent(testScope(), world, site, name, flags);
      await reaches(site, step);
      killed.child.kill('SIGKILL');
      expect(await killed.ended).toBe('SIGKILL');
      expect(trees.has(deployedHash(site) ?? '')).toBe(true);
      rmSync(blockOf(site, block));

      const next = startAgent(testScope(), world, site, name, flags);
      await reaches(site, isGood ? 'healthy' : 'rolled-back');
      await next.log.line((line) => ['nothing new', 'failed before, waiting'].includes(line.msg));
      checkTruth(site, trees, isGood ? second : first);
      const { status, stdout } = await world.operator.exec(`status ${name} -wait ${PATIENCE}`);
      expect(stdout).toContain(name);
      expect(status).toBe(isGood ? 0 : 1);
    },
  );

  it('while fetching: the next one starts over, and what runs was not touched', async () => {
    const { site, flags, first, second, trees } = await prepared('walk-fetch', good[1]);
    const proxy = await startTcpProxy(testScope(), world.registry);
    writeFileSync(blockOf(site, 'pre'), '');
    const through = [...flags, '-addr', `${proxy.host}:${proxy.port}`];
    const killed = startAgent(testScope(), world, site, 'walk-fetch', through);
    await killed.log.line('running the pre hook');
    proxy.stall();
    rmSync(blockOf(site, 'pre'));
    await reaches(site, 'fetching');
    killed.child.kill('SIGKILL');
    await killed.ended;
    checkTruth(site, trees, first);
    expect((await agentOnce(world, site, 'walk-fetch', flags)).status).toBe(0);
    checkTruth(site, trees, second);
  });

  it('while inconsistent: the next one leaves it so, and says so', async () => {
    const { site, flags } = await prepared('walk-lost', good[1]);
    site.scriptDoes('exit 1');
    writeFileSync(blockOf(site, 'failure'), '');
    const killed = startAgent(testScope(), world, site, 'walk-lost', flags);
    await reaches(site, 'inconsistent');
    killed.child.kill('SIGKILL');
    await killed.ended;
    rmSync(blockOf(site, 'failure'));
    const calls = site.calls().length;
    const next = startAgent(testScope(), world, site, 'walk-lost', flags);
    await next.log.line('failed before, waiting');
    expect(site.calls()).toHaveLength(calls);
    expect(journal(site).attempt?.step).toBe('inconsistent');
    expect(journal(site)).not.toHaveProperty('running');
  });

  it(
    `at any moment, ${ROUNDS} times: what the files name is whole, and the last one ends on what is wanted`,
    async () => {
      const name = 'random';
      const { site, flags, first, second, trees } = await prepared(name, good[1]);
      await changeLayer(world.operator, name, `${name}-code`, 'v3', bad);
      trees.set(await configurationHashOf(world.operator, name), await gnuTarTree(testScope(), [bad]));
      for (let round = 0; round < ROUNDS; round += 1) {
        const version = ['v1', 'v2', 'v3'][Math.floor(Math.random() * 3)];
        await command(world.operator, `changeconf -name ${name} -component ${name}-code -version ${version}`);
        const deadline = version === 'v3' ? SOON : [];
        const agent = startAgent(testScope(), world, site, name, [...flags, ...deadline]);
        await agent.log.line('agent ready');
        const life = Math.random() * LONGEST_LIFE_MS;
        await delay(life);
        agent.child.kill('SIGKILL');
        await agent.ended;
        const step = journal(site).attempt?.step ?? 'no attempt';
        const when = `round ${round}: ${version}, killed after ${Math.round(life)} ms at ${step}`;
        const hash = deployedHash(site) ?? '';
        expect([first, second], when).toContain(hash);
        expect(journal(site).lastGood?.hash, when).toBeDefined();
        expect(listTree(join(site.dir, 'unpacked', hash)), when).toEqual(trees.get(hash));
        const active = readlinkSync(join(site.dir, 'current'));
        expect(listTree(join(site.dir, active)), when).toEqual(trees.get(basename(active)));
      }
      await command(world.operator, `changeconf -name ${name} -component ${name}-code -version v2`);
      const last = startAgent(testScope(), world, site, name, flags);
      await last.log.line('nothing new');
      checkTruth(site, trees, second);
      expect(existsSync(join(site.dir, 'attempts.json'))).toBe(false);
    },
    60_000 + ROUNDS * 15_000,
  );
});
