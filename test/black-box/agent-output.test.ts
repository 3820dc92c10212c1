import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AgentSite,
  agentArgs,
  agentOnce,
  makeAgentSite,
  startAgent,
  stopAgent,
} from '../support/agent-site.js';
import { addConfiguration, changeLayer } from '../support/configuration.js';
import { ask } from '../support/http-load.js';
import { type RunningProgram, startProgram } from '../support/program.js';
import { fileScope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const SERVER = join(import.meta.dirname, '../../packages/agent/test/process/supervise/http-server.mjs');

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
});

/** What was printed on a stream, as an agent's log has it. */
const printed = ({ log }: RunningProgram, stream: string) =>
  log.lines.filter((line) => line.stream === stream).map(({ msg }) => msg);
const outputOf = (site: AgentSite) => readdirSync(join(site.dir, 'output'));

/** What an agent gives out before it has written down that it has read it comes twice when it is killed in between. */
async function isMarked(site: AgentSite): Promise<void> {
  const base = join(site.dir, 'output', outputOf(site)[0] ?? '', 'stdout');
  const mark = () => (existsSync(`${base}.read`) ? readFileSync(`${base}.read`, 'utf8') : '');
  await until('it is written down', () => mark() === `0 ${statSync(`${base}.0`).size}\n`);
}

async function configuration(name: string): Promise<void> {
  await addConfiguration(world.operator, name, {
    [`${name}-code`]: await packTree(scope, world.root, name, { file: name }),
  });
}

describe('/dev/stderr and /dev/stdout', () => {
  it('can be opened by scripts and checks, and what goes there is in the log', async () => {
    await configuration('named');
    const body = 'set -e; echo one >&2; echo two > /dev/stderr; echo three >&2; echo four | tee /dev/stdout';
    const site = makeAgentSite(testScope(), body);
    const check = ['-health-exec', 'echo well > /dev/stderr || exit 2', '-min-healthy', '0s'];
    const agent = startAgent(testScope(), world, site, 'named', check);
    await agent.log.line('deployed');
    expect(printed(agent, 'stderr')).toEqual(['one', 'two', 'three']);
    expect(printed(agent, 'stdout')).toEqual(['four', 'four']);
    expect(agent.log.text()).toContain('exit status 0: well');
    await until('nothing is left of it', () => outputOf(site).length === 0);
    expect(await stopAgent(agent)).toBe(0);
  });
});

describe('after kill -9 of the agent', () => {
  it('a script that prints runs to its end, and the next agent has in its log what was printed meanwhile', async () => {
    await configuration('prints');
    const site = makeAgentSite(testScope());
    const go = join(site.root, 'go');
    const waits = `while ! test -e ${go}; do sleep 0.05; done`;
    site.scriptDoes(
      `test ! -e ${go} || exit 0; echo first; ${waits}; echo second; echo third >&2; sleep 0.2; echo fourth; echo $? > ${site.root}/ended`,
    );
    const killed = startAgent(testScope(), world, site, 'prints');
    await killed.log.line('first');
    await isMarked(site);
    killed.child.kill('SIGKILL');
    expect(await killed.ended).toBe('SIGKILL');
    writeFileSync(go, '');
    await until('the script has ended', () => existsSync(join(site.root, 'ended')));
    expect(readFileSync(join(site.root, 'ended'), 'utf8')).toBe('0\n');

    const next = startAgent(testScope(), world, site, 'prints');
    await next.log.line('deployed');
    expect(printed(next, 'stdout')).toEqual(['second', 'fourth']);
    expect(printed(next, 'stderr')).toEqual(['third']);
    expect(site.calls()).toHaveLength(2);
    await until('nothing is left of it', () => outputOf(site).length === 0);
    expect(await stopAgent(next)).toBe(0);
  });

  it('a script that still prints is heard by the next agent, which waits for it', async () => {
    await configuration('goes-on');
    const site = makeAgentSite(testScope());
    const go = join(site.root, 'go');
    const waits = `while ! test -e ${go}; do echo waiting; sleep 0.05; done`;
    site.scriptDoes(`test ! -e ${go} || exit 0; echo first; ${waits}; echo last`);
    const killed = startAgent(testScope(), world, site, 'goes-on');
    await killed.log.line('waiting');
    killed.child.kill('SIGKILL');
    await killed.ended;

    const next = startAgent(testScope(), world, site, 'goes-on');
    await next.log.line('the script that an earlier agent started still runs, waiting for it');
    await next.log.line('waiting');
    writeFileSync(go, '');
    await next.log.line('last');
    await next.log.line('deployed');
    expect(await stopAgent(next)).toBe(0);
  });

  it('a supervised program that prints at each request serves on, and the next agent has in its log what it printed', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a program's text
    const talks = 'console.log(`asked ${request.url}`); if (draining)';
    const server = readFileSync(SERVER, 'utf8').replace('if (draining)', talks);
    const code = await packTree(scope, world.root, 'talks', { 'server.mjs': server });
    await addConfiguration(world.operator, 'talks', { 'talks-code': code });
    const site = makeAgentSite(testScope());
    const flags = ['-script', '', '-min-healthy', '0s', '-port', '127.0.0.1:0'];
    const start = () => {
      const args = [...agentArgs(world, site, 'talks', flags), '--', process.execPath, 'server.mjs'];
      return startProgram(testScope(), 'deploy-agent', args);
    };
    const killed = start();
    const { ports } = await killed.log.line('listening for the program');
    const port = Number(String((ports as string[])[0]).split(':')[1]);
    await killed.log.line('deployed');
    await ask(port, false, '/before');
    await killed.log.line('asked /before');
    await isMarked(site);
    killed.child.kill('SIGKILL');
    await killed.ended;
    for (const path of ['/a', '/b', '/c']) await ask(port, false, path);

    const next = start();
    const { pid } = await next.log.line('ending the program that an earlier agent left running');
    await next.log.line('asked /c');
    const asked = printed(next, 'stdout').filter((line) => line.startsWith('asked'));
    expect(asked).toEqual(['asked /a', 'asked /b', 'asked /c']);
    expect(pid).toBeGreaterThan(0);
    await until('only the program that runs now is left', () => outputOf(site).length === 1);
    expect(await stopAgent(next)).toBe(0);
  });
});

describe('the descriptors of the agent', () => {
  it('are not held by what checks and scripts leave behind', async () => {
    await configuration('leaves');
    const site = makeAgentSite(testScope(), 'sleep 1000 & echo $! >> "$0.pids"');
    const pids = `${site.script}.pids`;
    const check = ['-health-exec', `sleep 1000 & echo $! >> ${pids}`, '-min-healthy', '0s'];
    const stop = () =>
      readFileSync(pids, 'utf8')
        .trim()
        .split('\n')
        .map((pid) => process.kill(Number(pid), 'SIGKILL'));
    const agent = startAgent(testScope(), world, site, 'leaves', check);
    testScope().defer(() => void stop());
    await agent.log.line('deployed');
    const held = () => readdirSync(`/proc/${agent.child.pid}/fd`).length;
    await agent.log.line('nothing new');
    const before = held();
    for (const version of ['v2', 'v3', 'v4']) {
      const seen = agent.log.lines.length;
      const code = await packTree(scope, world.root, version, { file: version });
      await changeLayer(world.operator, 'leaves', 'leaves-code', version, code);
      await agent.log.lineAfter(seen, 'deployed');
    }
    expect(readFileSync(pids, 'utf8').trim().split('\n')).toHaveLength(8);
    await until(`${before} descriptors, as before`, () => held() <= before);
    expect(await stopAgent(agent)).toBe(0);
  });
});

it('what a script left behind still prints after the end of -once is in the log of the next one', async () => {
  await configuration('once');
  const site = makeAgentSite(testScope());
  const go = join(site.root, 'go');
  site.scriptDoes(`(while ! test -e ${go}; do sleep 0.05; done; echo late; touch ${site.root}/done) &`);
  expect((await agentOnce(world, site, 'once')).status).toBe(0);
  writeFileSync(go, '');
  await until('it has printed', () => existsSync(join(site.root, 'done')));
  const next = await agentOnce(world, site, 'once');
  expect(next.status).toBe(0);
  expect(next.stderr).toContain('"late"');
});
