import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { type AgentSite, agentArgs, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { filledIn, type PairTest, pathToPrograms, testPairs, wordsOf } from '../support/command-pairs.js';
import { addConfiguration, command } from '../support/configuration.js';
import { binPath } from '../support/program.js';
import { describeWith } from '../support/requires.js';
import { type RunResult, run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { startSerf } from '../support/serf.js';
import { packTree } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const FILES = { code: 'version 1', 'app.pid': 'of the release', 'exclude.list': '*.log\n' };

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  await addConfiguration(world.operator, 'first', {
    app: await packTree(scope, world.root, 'app-1', FILES),
    noise: await packTree(scope, world.root, 'noise', {
      noise: Array.from({ length: 40_000 }, () => Math.random().toString(36)).join(''),
    }),
  });
  await command(world.operator, 'addconf -name shop -layer app:v1');
});

interface Looked extends RunResult {
  readonly site: AgentSite;
  readonly dest: string;
}

/**
 * One look of an agent with flags of the page.
 * @param hooks programs for sh, by the names that the flags have them by.
 * @param prepare makes what is there before.
 */
async function look(
  ours: string,
  hooks: Readonly<Record<string, string>> = {},
  prepare: (dest: string) => void = () => {},
): Promise<Looked> {
  const site = makeAgentSite(testScope());
  const dest = join(site.root, 'dest');
  prepare(dest);
  for (const [name, body] of Object.entries(hooks))
    writeFileSync(join(site.root, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const to = ours.includes('/var/www/shop') ? [] : ['-dest', dest];
  const flags = await wordsOf(ours.replace('/var/www/shop', dest));
  const args = agentArgs(world, site, 'shop', ['-script', '', ...to, '-once', ...flags]);
  const done = await run(binPath('deploy-agent'), args, { cwd: site.root });
  return { ...done, site, dest };
}

const codeAt = ({ dest }: Looked): string => readFileSync(join(dest, 'code'), 'utf8');

/** A destination with files that somebody else made. */
function earlier(dest: string): void {
  mkdirSync(dest);
  for (const name of ['code', 'app.pid', 'app.log']) writeFileSync(join(dest, name), 'from before');
}

/** What was at the destination stays of one name, and is gone of another. */
const leaves =
  (stays: string, gone: string): PairTest =>
  async (ours = '') => {
    const looked = await look(ours, {}, earlier);
    expect(looked.status, looked.stderr).toBe(0);
    expect(codeAt(looked)).toBe('version 1');
    const now = (name: string) => {
      const path = join(looked.dest, name);
      return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    };
    expect(now(stays)).toBe('from before');
    expect(now(gone)).not.toBe('from before');
  };

/** The operator's shell. */
async function type(line: string): Promise<void> {
  const { host, port, fingerprint, site } = world.registry;
  const env = pathToPrograms({ DEPLOYCTL_ADDR: `${host}:${port}`, DEPLOYCTL_FINGERPRINT: fingerprint });
  const keyed = filledIn(line, { 'deployctl ': `deployctl -key ${site.operator.path} -user ops ` });
  const done = await run('sh', ['-c', keyed], { env, cwd: world.root });
  expect(done.status, done.stderr).toBe(0);
}

/** An agent that hears of nothing by itself, a change, and what has the agent look. */
async function wakes(wake: (dir: string) => Promise<void>): Promise<void> {
  await command(world.operator, 'changeconf -name first -component app -version v1');
  const site = makeAgentSite(testScope());
  const agent = startAgent(testScope(), world, site, 'first', ['-poll', '1h', '-watch=false']);
  await agent.log.line('deployed');
  await command(world.operator, 'changeconf -name first -component app -version v2');
  const before = agent.log.lines.length;
  await wake(site.dir);
  await agent.log.lineAfter(before, 'deployed');
  expect(await stopAgent(agent)).toBe(0);
}

describeWith(['rsync'], 'with rsync', () => {
  testPairs('coming-from-stretcher.md', 'stretcher', 'With a registry', {
    'aws s3 cp app.tar.gz s3://example.com/': async (ours = '') => {
      const next = await packTree(testScope(), world.root, 'next', { ...FILES, code: 'version 2' });
      await type(filledIn(ours, { 'app.tar.gz': next.path }));
      expect(await command(world.operator, 'showcomp app')).toMatch(/ v2 *\n/);
    },
    'consul event -name deploy s3://example.com/deploy.yml': async (ours = '') => {
      await type(ours);
      const deployed = await look('');
      expect([deployed.status, codeAt(deployed)]).toEqual([0, 'version 2']);
      await command(world.operator, 'changeconf -name shop -component app -version v1');
    },
    'dest: /var/www/shop': async (ours = '') => {
      const looked = await look(ours);
      expect([looked.status, codeAt(looked)]).toEqual([0, 'version 1']);
    },
    'dest_mode: 0711': async (ours = '') => {
      expect(statSync((await look(ours)).dest).mode & 0o7777).toBe(0o711);
    },
    'excludes: ["*.pid", "*.socket"]': leaves('app.pid', 'app.log'),
    'exclude_from: exclude.list': leaves('app.log', 'app.pid'),
    'sync_strategy: mv': async (ours = '') => {
      const free = await look(ours);
      expect([free.status, codeAt(free)]).toEqual([0, 'version 1']);
      expect((await look(ours, {}, earlier)).status).toBe(1);
    },
    'commands.pre': async (ours = '') => {
      const held = await look(ours, { 'pre.sh': 'exit 3' });
      expect([held.status, existsSync(held.dest)]).toEqual([1, false]);
    },
    'commands.post': async (ours = '') => {
      const ran = await look(ours, { 'post.sh': 'cat dest/code > seen' });
      expect([ran.status, readFileSync(join(ran.site.root, 'seen'), 'utf8')]).toEqual([0, 'version 1']);
      expect((await look(ours, { 'post.sh': 'exit 3' })).status).toBe(1);
    },
    'commands.success': async (ours = '') => {
      const { status, site } = await look(ours, { 'success.sh': 'cat > success.log' });
      expect(status).toBe(0);
      expect(readFileSync(join(site.root, 'success.log'), 'utf8')).not.toBe('');
    },
    'commands.failure': async (ours = '') => {
      const hooks = { 'failure.sh': 'cat > failure.log', 'pre.sh': 'echo no good; exit 3' };
      const { status, site } = await look(`${ours} -hook-pre ./pre.sh`, hooks);
      expect(status).toBe(1);
      expect(readFileSync(join(site.root, 'failure.log'), 'utf8')).toContain('no good');
    },
    '-max-bandwidth 10MB': async (ours = '') => {
      const begun = performance.now();
      const flags = `-name first -reuse off ${filledIn(ours, { '10MB': '100KB' })}`;
      expect((await look(flags)).status).toBe(0);
      // About 290 KB, of which a second's worth may come at once.
      expect(performance.now() - begun).toBeGreaterThan(1500);
    },
    '-random-delay 10': async (ours = '') => {
      await command(world.operator, 'changeconf -name first -component app -version v1');
      const site = makeAgentSite(testScope());
      const args = (flags: string[]) =>
        agentArgs(world, site, 'first', ['-script', '', '-once', '-v', ...flags]);
      expect((await run(binPath('deploy-agent'), args([]))).status).toBe(0);
      await command(world.operator, 'changeconf -name first -component app -version v2');
      const flags = await wordsOf(filledIn(ours, { '10s': '1s' }));
      const delayed = await run(binPath('deploy-agent'), args(flags));
      expect([delayed.status, delayed.stderr]).toEqual([0, expect.stringContaining('random delay')]);
    },
    'consul watch -type event -name deploy stretcher': (ours = '') =>
      wakes(async (dir) => {
        const places = { 'consul watch -type event -name deploy ': '', '/srv/shop': dir };
        const event = { ID: 'b54fe110', Name: 'deploy', Payload: null, LTime: 19 };
        const options = { input: JSON.stringify([event]), env: pathToPrograms({ CONSUL_INDEX: '133' }) };
        expect((await run('sh', ['-c', filledIn(ours, places)], options)).status).toBe(0);
      }),
    'serf agent -event-handler="user:deploy=stretcher"': {
      where: (title, body) => describeWith(['serf'], title, body),
      run: (ours = '') =>
        wakes(async (dir) => {
          const handler = /^serf agent (.*)$/.exec(filledIn(ours, { '/srv/shop': dir }))?.[1] ?? '';
          const flags = await wordsOf(handler);
          const serf = await startSerf(testScope(), 'host', flags, pathToPrograms());
          expect((await serf.event('deploy', '')).status).toBe(0);
        }),
    },
  });
});
