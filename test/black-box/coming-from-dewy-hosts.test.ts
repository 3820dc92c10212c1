import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { type AgentSite, makeAgentSite, stopAgent } from '../support/agent-site.js';
import { filledIn, type PairTest, testPairs, wordsOf } from '../support/command-pairs.js';
import { addConfiguration } from '../support/configuration.js';
import { ask } from '../support/http-load.js';
import { type RunningProgram, startProgram } from '../support/program.js';
import { fileScope, testScope } from '../support/scope.js';
import { SERVED_APP } from '../support/served-app.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  const app = { 'index.html': 'hello', myapp: SERVED_APP };
  await addConfiguration(world.operator, 'web', { myapp: await packTree(scope, world.root, 'app', app) });
});

/** Flags of each agent of the page, with those that make a test quick. */
function common(site: AgentSite): string {
  const { host, port, fingerprint, site: files } = world.registry;
  const where = `-addr ${host}:${port} -fp ${fingerprint} -key ${files.agent.path} -name web`;
  return `${where} -state ${site.state} -min-healthy 0s`;
}

interface Started {
  readonly site: AgentSite;
  readonly agent: RunningProgram;
}

/** Starts an agent as the page has it; `DIR` in places is the site's. */
async function start(site: AgentSite, command: string): Promise<Started> {
  const [program = '', ...args] = await wordsOf(command);
  return { site, agent: startProgram(testScope(), program, args) };
}

/** Has the program of the page's command serve, on ports that are free. */
async function serve(ours: string, ports: readonly string[]): Promise<Started & { readonly at: number[] }> {
  const site = makeAgentSite(testScope());
  const places = Object.fromEntries(ports.map((port) => [`-port ${port} `, '-port 127.0.0.1:0 ']));
  const command = filledIn(ours, { '…': common(site), '/opt/myapp': site.dir, ...places });
  const started = await start(site, command);
  const { ports: opened } = await started.agent.log.line('listening for the program');
  await started.agent.log.line('deployed');
  return { ...started, at: (opened as string[]).map((port) => Number(port.split(':').at(-1))) };
}

const serves =
  (...ports: string[]): PairTest =>
  async (ours = '') => {
    const { agent, at } = await serve(ours, ports);
    expect(at).toHaveLength(ports.length);
    const answers = await Promise.all(at.map((port) => ask(port)));
    expect(new Set(answers).size).toBe(1);
    expect(Number(answers[0])).toBeGreaterThan(1);
    expect(await stopAgent(agent)).toBe(0);
  };

/** A look with flags of the page, in a directory where the hooks are. @param hooks programs for sh, by their names. */
async function once(ours: string, hooks: Readonly<Record<string, string>>) {
  const site = makeAgentSite(testScope());
  for (const [name, body] of Object.entries(hooks))
    writeFileSync(join(site.root, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const flags = Object.keys(hooks).reduce(
    (text, name) => filledIn(text, { [`./${name}`]: join(site.root, name) }),
    ours,
  );
  const command = `deploy-agent ${common(site)} -dir ${site.dir} -script "" -once ${flags}`;
  const { agent } = await start(site, command);
  return { site, status: await agent.ended, log: agent.log };
}

const indexAt = (site: AgentSite): string => readFileSync(join(site.dir, 'current/index.html'), 'utf8');

testPairs('coming-from-dewy.md', 'dewy', 'On the hosts', {
  'dewy server -p 8000 -- /opt/myapp/current/myapp': serves('8000'),
  'dewy server -p 8000,8001 -- /opt/myapp/current/myapp': serves('8000', '8001'),
  'dewy server -p 8000-8002 -- /opt/myapp/current/myapp': serves('8000', '8001', '8002'),

  'dewy assets -d /var/www/html': async (ours = '') => {
    const site = makeAgentSite(testScope());
    mkdirSync(site.dir);
    const command = filledIn(ours, { '…': `${common(site)} -once`, '/var/www/html': site.dir });
    expect(await (await start(site, command)).agent.ended).toBe(0);
    expect(indexAt(site)).toBe('hello');
  },

  '--before-deploy-hook "pg_dump mydb > /backup/mydb.sql"': async (ours = '') => {
    const good = await once(ours, { 'before.sh': 'touch "$0.ran"' });
    expect([good.status, indexAt(good.site)]).toEqual([0, 'hello']);
    expect(readFileSync(join(good.site.root, 'before.sh.ran'), 'utf8')).toBe('');
    const bad = await once(ours, { 'before.sh': 'exit 3' });
    expect(bad.status).toBe(1);
    expect(() => indexAt(bad.site)).toThrow('ENOENT');
  },

  '--after-deploy-hook "./migrate.sh"': async (ours = '') => {
    const good = await once(ours, { 'migrate.sh': 'cat "$NEWROOT/index.html" > "$0.ran"' });
    expect(good.status).toBe(0);
    expect(readFileSync(join(good.site.root, 'migrate.sh.ran'), 'utf8')).toBe('hello');
    const bad = await once(ours, { 'migrate.sh': 'exit 3' });
    expect([bad.status, indexAt(bad.site)]).toEqual([0, 'hello']);
    expect(bad.log.text()).toContain('exit status 3');
  },

  '--log-format json -l info': async (ours = '') => {
    const { status, log } = await once(ours, {});
    expect(status).toBe(0);
    const levels = log
      .text()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).level);
    expect(levels.length).toBeGreaterThan(0);
    expect(Math.min(...levels)).toBe(30);
  },

  'kill -USR1 $(pidof dewy)': async (ours = '') => {
    const { site, agent, at } = await serve(
      'deploy-agent … -dir /opt/myapp -script "" -port 8000 -- ./myapp',
      ['8000'],
    );
    const [port = 0] = at;
    const before = await ask(port);
    const pid = readFileSync(join(site.dir, 'lock'), 'utf8').trim();
    const [program = '', ...args] = await wordsOf(filledIn(ours, { $AGENT: pid }));
    expect([program, args]).toEqual(['kill', ['-USR1', String(agent.child.pid)]]);
    process.kill(Number(pid), 'SIGUSR1');
    await until('another run answers', async () => (await ask(port)) !== before);
    expect(await stopAgent(agent)).toBe(0);
  },
});
