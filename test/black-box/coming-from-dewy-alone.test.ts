import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { startHttpPeer } from '../../packages/notices/test/support/http-peer.js';
import { stopAgent } from '../support/agent-site.js';
import { filledIn, testPairs, wordsOf } from '../support/command-pairs.js';
import { type GithubServer, startGithub } from '../support/github-server.js';
import { ask } from '../support/http-load.js';
import { type RunningProgram, startProgram } from '../support/program.js';
import { fileScope, testScope } from '../support/scope.js';
import { SERVED_APP } from '../support/served-app.js';
import { tempDir } from '../support/temp-dir.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';

const scope = fileScope();
let github: GithubServer;

/** A release for whichever processor the tests run on. */
async function publish(version: string): Promise<void> {
  const files = { 'index.html': version, myapp: SERVED_APP };
  const { path } = await packTree(scope, tempDir(scope), version, files);
  const bytes = readFileSync(path);
  github.publish(version, { 'myapp_linux_amd64.tar.gz': bytes, 'myapp_linux_arm64.tar.gz': bytes });
}

beforeAll(async () => {
  github = await startGithub(scope, { repository: 'linyows/myapp' });
  await publish('v1.0.0+blue');
  await publish('v1.1.0+green');
});

/** Starts the page's command, with flags that make a test quick. @returns its working directory too. */
async function start(
  command: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ agent: RunningProgram; dir: string }> {
  const dir = tempDir(testScope());
  const quick = filledIn(command, { 'deploy-agent ': 'deploy-agent -min-healthy 0s -host web1 ' });
  const [program = '', ...args] = await wordsOf(quick.replace('/var/www/html', dir));
  const all = { ...process.env, GITHUB_API_URL: github.url, GITHUB_TOKEN: 'ghp_secret', ...env };
  return { agent: startProgram(testScope(), program, args, all, dir), dir };
}

const indexIn = (dir: string): string => readFileSync(join(dir, 'current/index.html'), 'utf8');
const FOLLOWS = 'deploy-agent -source ghr://linyows/myapp';

testPairs('coming-from-dewy.md', 'dewy', 'Without a registry', {
  'dewy server --registry ghr://linyows/myapp -p 8000 -- /opt/myapp/current/myapp': async (ours = '') => {
    const { agent, dir } = await start(filledIn(ours, { '-port 8000': '-port 127.0.0.1:0' }));
    const { ports } = await agent.log.line('listening for the program');
    await agent.log.line('deployed');
    expect(await ask(Number((ports as string[])[0]?.split(':').at(-1)))).toMatch(/^\d+$/);
    expect(indexIn(dir)).toBe('v1.1.0+green');
    const record = /^shipped_to_web1_server_at_.*\.txt$/;
    await until('the record', () => github.assetsOf('v1.1.0+green').some((name) => record.test(name)));
    expect(await stopAgent(agent)).toBe(0);
  },
  'dewy assets --registry ghr://linyows/myapp -d /var/www/html': async (ours = '') => {
    const { agent, dir } = await start(ours);
    await agent.log.line('deployed');
    expect(indexIn(dir)).toBe('v1.1.0+green');
    expect(await stopAgent(agent)).toBe(0);
  },
  '--slot blue': async (ours = '') => {
    const { agent, dir } = await start(`${FOLLOWS} -once ${ours}`);
    expect(await agent.ended).toBe(0);
    expect(indexIn(dir)).toBe('v1.0.0+blue');
  },
  '--interval 60': async (ours = '') => {
    const { agent, dir } = await start(`${FOLLOWS} ${filledIn(ours, { '60s': '100ms' })}`);
    await agent.log.line('deployed');
    const seen = agent.log.lines.length;
    await publish('v1.2.0');
    await agent.log.lineAfter(seen, 'deployed');
    github.remove('v1.2.0');
    expect(indexIn(dir)).toBe('v1.2.0');
    expect(await stopAgent(agent)).toBe(0);
  },
  "--notifier 'slack://general?title=myapp'": async (ours = '') => {
    const body = JSON.stringify({ ok: true, channel: 'C01', ts: '1.0' });
    const slack = await startHttpPeer(() => ({ status: 200, body }));
    testScope().defer(() => slack.close());
    const env = { SLACK_TOKEN: 'xoxb-test', SLACK_API_URL: slack.url };
    const { agent } = await start(`${FOLLOWS} -once ${ours}`, env);
    expect(await agent.ended).toBe(0);
    const said = slack.requests.map((request) => request.body).join('\n');
    for (const text of ['general', 'myapp', 'v1.1.0']) expect(said).toContain(text);
  },
});
