import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command } from '../support/configuration.js';
import { binPath, type RunningProgram } from '../support/program.js';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { startSerf } from '../support/serf.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
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

describeWith(['serf'], 'as a handler of Serf', () => {
  it('wake has the agent of one host look when an event is fired on another', async () => {
    const { site, agent } = await sleeper('by-serf');
    const there = await startSerf(testScope(), 'there');
    const handler = `user:deploy=${binPath('deploy-agent')} wake -dir ${site.dir}`;
    const flags = [`-join=${there.bind}`, `-event-handler=${handler}`];
    const here = await startSerf(testScope(), 'here', flags);
    await until('they are one cluster', async () => (await here.members()).stdout.includes('there'));
    await until('they are one cluster', async () => (await there.members()).stdout.includes('here'));
    const before = agent.log.lines.length;
    expect((await there.event('deploy', 'payload')).status).toBe(0);
    await agent.log.lineAfter(before, 'deployed');
    expect(await stopAgent(agent)).toBe(0);
  });
});
