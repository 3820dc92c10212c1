import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { agentArgs, agentOnce, makeAgentSite, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, configurationHashOf } from '../support/configuration.js';
import { PROJECT_ROOT, startProgram } from '../support/program.js';
import { fileScope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
});

/** The examples of the page, in order: symlink, systemd, command line, server. */
const examples = [
  ...readFileSync(join(PROJECT_ROOT, 'docs/deploy-scripts.md'), 'utf8').matchAll(
    /^```\w+\n([\s\S]*?)^```$/gm,
  ),
].map(([, code = '']) => code);

it('the symlink of the page is switched to each release; a bad release is not switched to', async () => {
  const site = makeAgentSite(testScope());
  writeFileSync(site.script, examples[0] ?? '', { mode: 0o755 });
  const live = () => readFileSync(join(readlinkSync(join(site.dir, 'live/current')), 'index.html'), 'utf8');
  const release = (text: string) => packTree(scope, world.root, `page-${text}`, { 'index.html': text });
  await addConfiguration(world.operator, 'page', { page: await release('one') });
  expect((await agentOnce(world, site, 'page')).status).toBe(0);
  expect(live()).toBe('one');
  await changeLayer(world.operator, 'page', 'page', 'v2', await release('two'));
  expect((await agentOnce(world, site, 'page')).status).toBe(0);
  expect(live()).toBe('two');
  await changeLayer(world.operator, 'page', 'page', 'v3', await release(''));
  expect((await agentOnce(world, site, 'page')).status).toBe(1);
  expect(live()).toBe('two');
});

it('the shell examples of the page are good syntax', () => {
  for (const example of examples.slice(0, 3))
    expect(spawnSync('sh', ['-n'], { input: example, encoding: 'utf8' }).stderr).toBe('');
});

it('the server of the page serves each release, with the command line of the page', async () => {
  const site = makeAgentSite(testScope());
  const server = await packTree(scope, world.root, 'server', { 'server.mjs': examples[3] ?? '' });
  await addConfiguration(world.operator, 'web', { web: server });
  const shown = /-script ""/.test(examples[2] ?? '') && /-- node server\.mjs/.test(examples[2] ?? '');
  expect(shown).toBe(true);
  const flags = ['-script', '', '-port', '127.0.0.1:0', '-min-healthy', '200ms'];
  const args = [...agentArgs(world, site, 'web', flags), '--', 'node', 'server.mjs'];
  const agent = startProgram(testScope(), 'deploy-agent', args);
  const { ports } = await agent.log.line('listening for the program');
  await agent.log.line('deployed');
  const answer = await fetch(`http://${(ports as string[])[0]}/`);
  expect(await answer.text()).toBe(`release ${await configurationHashOf(world.operator, 'web')}\n`);
  expect(await stopAgent(agent)).toBe(0);
});
