import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { agentArgs, makeAgentSite } from '../support/agent-site.js';
import { makeArchive } from '../support/archive.js';
import { addConfiguration } from '../support/configuration.js';
import { type GithubServer, startGithub } from '../support/github-server.js';
import { PATIENCE } from '../support/patience.js';
import { startProgram } from '../support/program.js';
import { type Scope, testScope } from '../support/scope.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

/** Real agents; `.ci/run` takes 50. */
const AGENTS = Number(process.env.FLEET_AGENTS ?? 6);
/** Agents that are started at the same time. */
const AT_ONCE = 10;
/** Looks at the source, in intervals in which nothing is new, that are counted. */
const LOOKS = AGENTS > 10 ? 3 : 1;
const ARTIFACT = 'app_linux_amd64.tar.gz';
const INTERVAL_MS = 5000;

async function publish(scope: Scope, world: World, github: GithubServer, tag: string): Promise<void> {
  const archive = await makeArchive(scope, world.root, `app-${tag}`, { app: `this is ${tag}\n` });
  github.publish(tag, { [ARTIFACT]: readFileSync(archive.path) });
}

/** What each agent's script saw last. */
async function startAgents(scope: Scope, world: World, name: string): Promise<() => string[]> {
  const sites = Array.from({ length: AGENTS }, () => makeAgentSite(scope, ''));
  for (let first = 0; first < AGENTS; first += AT_ONCE) {
    const started = sites.slice(first, first + AT_ONCE).map(async (site, at) => {
      site.scriptDoes(
        `cp "$NEWROOT/app" ${join(site.root, 'seen.new')} && mv ${join(site.root, 'seen.new')} ${join(site.root, 'seen')}`,
      );
      const flags = ['-host', `web${first + at}`, '-poll', '5m'];
      const agent = startProgram(scope, 'deploy-agent', agentArgs(world, site, name, flags));
      await agent.log.line('deployed');
    });
    await Promise.all(started);
  }
  return () => sites.map(({ root }) => readFileSync(join(root, 'seen'), 'utf8'));
}

it(`${AGENTS} agents follow one source through the registry: few requests, and a new release reaches all`, async () => {
  const scope = testScope();
  const github = await startGithub(scope, { repository: 'owner/app' });
  const world = await startWorld(scope, ['-max-conns-per-addr', '200'], {
    GITHUB_API_URL: github.url,
    GITHUB_TOKEN: 'ghp_secretsecretsecret',
  });
  const ran = async (line: string) => {
    const { status, stdout, stderr } = await world.operator.exec(line);
    if (status !== 0) throw new Error(`${line}: ${stderr}${stdout}`);
    return stdout;
  };
  await addConfiguration(world.operator, 'project1', {
    code: await makeArchive(scope, world.root, 'first', { app: 'the first\n' }),
  });
  await publish(scope, world, github, 'v1.0.0');
  const interval = `${INTERVAL_MS / 1000}s`;
  await ran(`addtrack code ghr://owner/app -arch amd64 -bump project1 -interval ${interval}`);
  await ran('check code');
  const seen = await startAgents(scope, world, 'project1');
  expect(new Set(seen())).toEqual(new Set(['this is v1.0.0\n']));

  // Intervals in which nothing is new: one conditional request each, whatever the number of hosts.
  const before = github.requests.length;
  const looks = () => github.requests.slice(before).filter(({ on }) => on === 'api');
  const begun = performance.now();
  await until('looks', () => looks().length >= LOOKS);
  const intervals = (performance.now() - begun) / (INTERVAL_MS * 0.9) + 1;
  expect(looks().length).toBeLessThanOrEqual(2 * intervals);
  expect(looks().every(({ status }) => status === 304)).toBe(true);

  await publish(scope, world, github, 'v1.1.0');
  await until('all have it', () => seen().every((text) => text === 'this is v1.1.0\n'));
  expect(await ran(`status project1 -wait ${PATIENCE}`)).toContain(`${AGENTS} in sync`);
  // The archive was fetched once, for all.
  const fetched = github.requests.filter(({ on, status }) => on === 'store' && status === 200);
  expect(fetched).toHaveLength(2);
  expect(world.registry.log.text()).not.toContain('ghp_secret');
}, 240_000);
