import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { type AgentSite, deployedHash, makeAgentSite, stopAgent } from '../support/agent-site.js';
import { type GithubServer, startGithub } from '../support/github-server.js';
import { ask } from '../support/http-load.js';
import { binPath, type RunningProgram, startProgram } from '../support/program.js';
import { run } from '../support/run.js';
import { testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';

const SERVER = join(import.meta.dirname, '../../packages/agent/test/process/supervise/http-server.mjs');
const ARTIFACT = 'app_linux_amd64.tar.gz';
const SOURCE = 'ghr://owner/app?os=linux&arch=amd64';
const AWAY = 'http://127.0.0.1:1';

/** A release with the server of the supervisor's tests, which answers with its version. @param dies soon after its start. */
async function serverRelease(version: string, dies = false): Promise<Record<string, Buffer>> {
  const server = readFileSync(SERVER, 'utf8').replace("VERSION = '?'", `VERSION = '${version}'`);
  const death = dies ? 'setTimeout(() => process.exit(3), 300);\n' : '';
  const scope = testScope();
  const { path } = await packTree(scope, tempDir(scope), version, { 'server.mjs': server + death });
  return { [ARTIFACT]: readFileSync(path) };
}

function filesOf(site: AgentSite): string[] {
  return ['-dir', site.dir, '-state', site.state];
}

async function serve(site: AgentSite, api: string): Promise<{ agent: RunningProgram; port: number }> {
  const flags = ['-poll', '100ms', '-v', '-min-healthy', '1s', '-port', '127.0.0.1:0', '-host', 'web1'];
  const args = ['-source', SOURCE, ...filesOf(site), ...flags, '--', process.execPath, 'server.mjs'];
  const env = { ...process.env, GITHUB_API_URL: api, GITHUB_TOKEN: 'ghp_secretsecretsecret' };
  const agent = startProgram(testScope(), 'deploy-agent', args, env);
  const { ports } = await agent.log.line('listening for the program');
  return { agent, port: Number(String((ports as string[])[0]).split(':')[1]) };
}

const journal = (site: AgentSite) => JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));
const downloads = (github: GithubServer) => github.requests.filter(({ on }) => on === 'store').length;

it('a program is served from the newest complete release: updates, one that fails, one that disappears, restarts, a source that is away', async () => {
  const github = await startGithub(testScope(), { repository: 'owner/app' });
  github.publish('v1.0.0', await serverRelease('one'));
  const site = makeAgentSite(testScope());
  const { agent, port } = await serve(site, github.url);
  const answers = async (port: number) => (await ask(port)).split(' ')[0];
  await agent.log.line('deployed');
  expect(await answers(port)).toBe('one');
  await until('the record', async () => github.assetsOf('v1.0.0').length === 2);
  expect(github.assetsOf('v1.0.0')[1]).toMatch(/^shipped_to_web1_server_at_.*\.txt$/);

  let seen = agent.log.lines.length;
  github.publish('v1.1.0', {});
  await agent.log.lineAfter(seen, ({ msg }) => msg.startsWith('v1.1.0 is not complete'));
  expect(await answers(port)).toBe('one');
  github.publish('v1.1.0', await serverRelease('two'));
  await agent.log.lineAfter(seen, 'deployed');
  expect(await answers(port)).toBe('two');
  const good = deployedHash(site);

  seen = agent.log.lines.length;
  github.publish('v1.2.0', await serverRelease('three', true));
  await agent.log.lineAfter(seen, 'rolled back to the last good release');
  expect(await answers(port)).toBe('two');
  expect(journal(site)).toMatchObject({ attempt: { step: 'rolled-back', error: { kind: 'unhealthy' } } });
  github.remove('v1.2.0');
  await agent.log.lineAfter(seen, ({ msg }) => msg.startsWith('v1.2.0 is gone from the source'));
  expect(deployedHash(site)).toBe(good);
  const ctl = await run(binPath('deploy-agent'), ['ctl', 'status', '-dir', site.dir]);
  expect(ctl.stdout).toMatch(/app/);
  expect(await stopAgent(agent)).toBe(0);

  const fetched = downloads(github);
  const lonely = await serve(site, AWAY);
  await lonely.agent.log.line('the source cannot be used, deploying what was fetched before');
  await until('the program serves', () =>
    answers(lonely.port).then(
      (word) => word === 'two',
      () => false,
    ),
  );
  expect(await stopAgent(lonely.agent)).toBe(0);

  const again = await serve(site, github.url);
  await until('the program serves', () =>
    answers(again.port).then(
      (word) => word === 'two',
      () => false,
    ),
  );
  github.publish('v1.3.0', await serverRelease('four'));
  await again.agent.log.line('deployed');
  expect(await answers(again.port)).toBe('four');
  expect(downloads(github)).toBe(fetched + 1);
  expect(await stopAgent(again.agent)).toBe(0);
});

it('files are put in place once, of a slot; scripts and receivers are told; what fails says so', async () => {
  const scope = testScope();
  const place = tempDir(scope);
  const release = async (tag: string) => {
    mkdirSync(join(place, tag));
    const { path } = await packTree(scope, tempDir(scope), tag, { app: `this is ${tag}\n` });
    writeFileSync(join(place, tag, ARTIFACT), readFileSync(path));
  };
  const site = makeAgentSite(scope);
  const told = join(site.root, 'told');
  const receiver = join(site.root, 'receiver');
  writeFileSync(receiver, `#!/bin/sh\ncat >> '${told}'\necho >> '${told}'\n`);
  chmodSync(receiver, 0o755);
  const once = (...flags: string[]) =>
    run(binPath('deploy-agent'), [
      ...['-source', `file://${place}?os=linux&arch=amd64`, ...filesOf(site), '-once', '-name', 'shop'],
      ...flags,
    ]);
  const empty = await once();
  expect(empty.status).toBe(1);
  expect(empty.stderr).toMatch(/there is nothing to deploy at file:.*the source has no releases/);

  for (const tag of ['1.0.0+blue', '1.1.0+blue', '1.2.0+green']) await release(tag);
  expect((await once('-slot', 'blue', '-script', site.script, '-notify', `exec://${receiver}`)).status).toBe(
    0,
  );
  expect(readFileSync(join(site.dir, 'current', 'app'), 'utf8')).toBe('this is 1.1.0+blue\n');
  expect(basename(readlinkSync(join(site.dir, 'current')))).toBe(deployedHash(site));
  const [call] = site.calls();
  expect(JSON.parse(call?.state ?? '')).toMatchObject({ Name: 'shop', Layers: [{ Version: '1.1.0+blue' }] });
  const events = readFileSync(told, 'utf8').trim().split('\n').filter(Boolean);
  expect(events.map((line) => JSON.parse(line).event)).toEqual(['deploy-started', 'deploy-succeeded']);

  expect((await once('-slot', 'blue', '-script', site.script)).status).toBe(0);
  expect(site.calls()).toHaveLength(1);
  expect(existsSync(join(site.dir, 'incoming'))).toBe(false);

  // The last good release is lost when it is needed: it is fetched again.
  const good = deployedHash(site);
  for (const lost of ['cache', 'unpacked']) rmSync(join(site.dir, lost), { recursive: true });
  site.scriptDoes('! grep -q 1.3.0 "$NEWROOT/app"');
  await release('1.3.0+blue');
  const failed = await once('-slot', 'blue', '-script', site.script, '-rollback', 'true');
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain('archives of the release are gone from the cache, fetching them again');
  expect(failed.stderr).toContain('rolled back to the last good release');
  expect(readFileSync(join(site.dir, 'current', 'app'), 'utf8')).toBe('this is 1.1.0+blue\n');
  expect(deployedHash(site)).toBe(good);
});

it.each([
  [['-source', 'ghr://owner', '-name', 'x'], /-source: /],
  [['-source', SOURCE, '-addr', 'localhost:2022'], /-addr is for an agent that follows a registry/],
  [['-slot', 'blue', '-name', 'x'], /-slot and -notify are for an agent without a registry/],
  [['plan', '-source', SOURCE], /flag provided but not defined: -source/],
])('what makes no sense together is refused: %j', async (args, message) => {
  const { status, stderr } = await run(binPath('deploy-agent'), args);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});
