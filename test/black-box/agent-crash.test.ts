import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type AgentSite, agentOnce, deployedHash, makeAgentSite, startAgent } from '../support/agent-site.js';
import type { Archive } from '../support/archive.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { testScope } from '../support/scope.js';
import { gnuTarTree, listTree, packTree } from '../support/tree.js';
import { startWorld } from '../support/world.js';

/** 100 for a thorough look. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 10);
const FILES = 150;
/**
 * After these lines of its log, or later ones where the deployment before was cut off further on, the agent is killed,
 * in turn, at once or up to so many milliseconds later.
 */
const MOMENTS = [
  'agent ready',
  'new configuration',
  'downloaded',
  'unpacked',
  'built',
  'running the script',
  'the script succeeded',
];
/** All that is left where the deployment before was cut off after its script. */
const LAST_MOMENT = 'deployed';
const LATER_MS = 60;

it(
  `kill -9 of the agent, ${ROUNDS} times: what the state names is whole, and so is all that a script sees`,
  async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const versions = await Promise.all(['v1', 'v2'].map((version) => bigRelease(world.root, version)));
    const [first, second] = versions as [Archive, Archive];
    await addConfiguration(world.operator, 'crash', { code: first });
    const hash1 = await configurationHashOf(world.operator, 'crash');
    await changeLayer(world.operator, 'crash', 'code', 'v2', second);
    const hash2 = await configurationHashOf(world.operator, 'crash');
    const trees = new Map([
      [hash1, await gnuTarTree(scope, [first])],
      [hash2, await gnuTarTree(scope, [second])],
    ]);
    const site = makeAgentSite(scope, VERIFY);

    for (let round = 0; round < ROUNDS; round += 1) {
      const moments = [...MOMENTS.slice(round % MOMENTS.length), LAST_MOMENT];
      const later = Math.random() < 0.3 ? 0 : Math.random() * LATER_MS;
      if (moments[0] === 'downloaded') rmSync(join(site.dir, 'cache'), { recursive: true, force: true });
      const wanted = deployedHash(site) === hash1 ? 'v2' : 'v1';
      await command(world.operator, `changeconf -name crash -component code -version ${wanted}`);
      const agent = startAgent(testScope(), world, site, 'crash', round % 4 === 0 ? ['-cleanold'] : []);
      const { msg } = await agent.log.line((line) => moments.includes(line.msg));
      await delay(later);
      agent.child.kill('SIGKILL');
      expect(await agent.ended).toBe('SIGKILL');
      checkState(site, trees, `killed ${later} ms after "${msg}"`);
    }

    expect((await agentOnce(world, site, 'crash')).status).toBe(0);
    expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, 'crash'));
    checkState(site, trees, 'at the end');
    expect(existsSync(join(site.dir, 'script-state.json'))).toBe(false);
    expect(existsSync(`${site.script}.bad`)).toBe(false);
    expect(site.calls().length).toBeGreaterThan(1);
  },
  60_000 + ROUNDS * 15_000,
);

/**
 * The release is one that holds all that its list names, and nothing else; OLDROOT as well, where there is one. They are
 * looked at twice, as a program sees them that runs there: a script that is left alone may outlive its agent.
 */
const VERIFY = `
whole() { sha256sum --status -c list && test "$(find . -type f | wc -l)" = ${FILES + 1}; }
twice() { cd "$1"; whole || echo "$1" >> "$bad"; sleep 0.5; whole || echo "$1 later" >> "$bad"; }
bad="$0.bad"
if test -n "$OLDROOT"; then (twice "$OLDROOT") & fi
(twice "$NEWROOT"); wait`;

function bigRelease(dir: string, version: string): Promise<Archive> {
  const files = Array.from({ length: FILES }, (_, index) => {
    const content = randomBytes(8000).toString('hex');
    return [`dir${index % 10}/file${index}`, `${version} ${content}`] as const;
  });
  const list = files.map(
    ([name, content]) => `${createHash('sha256').update(content).digest('hex')}  ${name}\n`,
  );
  return packTree(testScope(), dir, version, { ...Object.fromEntries(files), list: list.join('') });
}

function checkState(site: AgentSite, trees: ReadonlyMap<string, readonly string[]>, when: string): void {
  const hash = deployedHash(site);
  if (hash === undefined) return;
  expect(listTree(join(site.dir, 'unpacked', hash)), when).toEqual(trees.get(hash));
  const bad = `${site.script}.bad`;
  expect(existsSync(bad) ? readFileSync(bad, 'utf8') : '', when).toBe('');
}
