import { spawn } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command } from '../support/configuration.js';
import { freePort } from '../support/free-port.js';
import { binPath, type RunningProgram } from '../support/program.js';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await startWorld(scope);
  const release = (version: string) => packTree(scope, world.root, version, { version });
  await addConfiguration(world.operator, 'woken', { code: await release('one') });
  await changeLayer(world.operator, 'woken', 'code', 'v2', await release('two'));
});

/** A host whose agent has deployed version one, and looks again by itself when the test is long over. */
async function sleeper(name: string): Promise<{ site: AgentSite; agent: RunningProgram }> {
  await command(world.operator, `addconf -name ${name} -layer code:v1`);
  const site = makeAgentSite(testScope());
  const agent = startAgent(testScope(), world, site, name, ['-poll', '1h', '-watch=false']);
  await agent.log.line('deployed');
  await command(world.operator, `changeconf -name ${name} -component code -version v2`);
  return { site, agent };
}

/** What `consul watch -type event` gives its handler on standard input, as its documentation shows it. */
const CONSUL_EVENT = `[
  {
    "ID": "f07f3fcc-4b7d-3a7c-6d1e-cf414039fcee",
    "Name": "deploy",
    "Payload": "${Buffer.from('woken').toString('base64')}",
    "NodeFilter": "",
    "ServiceFilter": "",
    "TagFilter": "",
    "Version": 1,
    "LTime": 18
  }
]`;

describe('as a handler of consul watch', () => {
  it('wake has the agent look, whatever it gets to read', async () => {
    const { site, agent } = await sleeper('by-consul');
    const before = agent.log.lines.length;
    const env = { ...process.env, CONSUL_INDEX: '18' };
    const options = { input: CONSUL_EVENT, env };
    const woken = await run(binPath('deploy-agent'), ['wake', '-dir', site.dir], options);
    expect(woken).toEqual({ status: 0, stdout: '', stderr: '' });
    await agent.log.lineAfter(before, 'deployed');
    expect(await stopAgent(agent)).toBe(0);
  });
});

/** An agent of Serf. @returns the address for `serf event`, and that for others to join. */
async function startSerf(inScope: Scope, node: string, ...flags: string[]) {
  const [bind, rpc] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const args = ['agent', `-node=${node}`, `-bind=${bind}`, `-rpc-addr=${rpc}`, '-profile=local', ...flags];
  const child = spawn('serf', args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  inScope.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const members = () => run('serf', ['members', `-rpc-addr=${rpc}`, '-status=alive']);
  await until(`serf ${node} answers`, async () => (await members()).status === 0);
  return { bind, rpc, members };
}

describeWith(['serf'], 'as a handler of Serf', () => {
  it('wake has the agent of one host look when an event is fired on another', async () => {
    const { site, agent } = await sleeper('by-serf');
    const there = await startSerf(testScope(), 'there');
    const handler = `user:deploy=${binPath('deploy-agent')} wake -dir ${site.dir}`;
    const here = await startSerf(testScope(), 'here', `-join=${there.bind}`, `-event-handler=${handler}`);
    await until('they are one cluster', async () => (await here.members()).stdout.includes('there'));
    await until('they are one cluster', async () => (await there.members()).stdout.includes('here'));
    const before = agent.log.lines.length;
    expect(await run('serf', ['event', `-rpc-addr=${there.rpc}`, 'deploy', 'payload'])).toMatchObject({
      status: 0,
    });
    await agent.log.lineAfter(before, 'deployed');
    expect(await stopAgent(agent)).toBe(0);
  });
});
