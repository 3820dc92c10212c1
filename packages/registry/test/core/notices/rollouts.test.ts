import { Rollouts } from '@deploy-tools/registry/core/notices/rollouts.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HttpPeer, startHttpPeer } from '../../../../notices/test/support/http-peer.js';
import { addText, OPERATOR, openRegistry, type TestRegistry } from '../../support/open-registry.js';
import { type PlayedAgent, playAgent } from '../../support/played-agent.js';

const change = { author: OPERATOR, command: 'x' };
const V1 = [{ component: 'code', version: 'v1' }];
let registry: TestRegistry;
let peer: HttpPeer;

beforeEach(async () => {
  registry = await openRegistry();
  peer = await startHttpPeer(() => ({ status: 200 }));
  for (const version of ['v1', 'v2']) await addText(registry, 'code', version);
});
afterEach(() => peer.close());

/** From now on. */
async function listen(): Promise<void> {
  const url = `webhook+${peer.url}/`;
  await registry.notices.add({ url, events: [], names: [], fingerprint: '', comment: '' });
}

const titles = () => peer.requests.map(({ body }) => JSON.parse(body).title);

it('a configuration from before makes no notice; each later change does, deletions too', async () => {
  await registry.configurations.put(change, 'old', V1);
  await registry.configurations.put(change, 'gone', V1);
  await registry.configurations.delete(change, 'gone');
  await listen();
  registry.pass(1000);
  const rollouts = await Rollouts.open(registry);
  await registry.configurations.changeLayer(change, 'old', { component: 'code', version: 'v2' });
  await registry.configurations.changeLayer(change, 'old', { component: 'code', version: 'v1' });
  await registry.configurations.delete(change, 'old');
  await peer.received(3);
  await registry.configurations.put(change, 'gone', V1);
  await peer.received(4);
  await rollouts.stop();
  expect(titles()).toEqual([
    'old: revision 2',
    'old: revision 3',
    'old: deleted (revision 4)',
    'gone: revision 3',
  ]);
});

it('a change while the registry was stopped makes one notice at the next start', async () => {
  await (await Rollouts.open(registry)).stop();
  await registry.configurations.put(change, 'p', V1);
  const first = await Rollouts.open(registry); // adopts it
  await first.stop();
  await listen();
  await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v2' });
  const second = await Rollouts.open(registry);
  await peer.received(1);
  await second.stop();
  const third = await Rollouts.open(registry);
  await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v1' });
  await peer.received(2);
  await third.stop();
  expect(titles()).toEqual(['p: revision 2', 'p: revision 3']);
});

it('a host that fails makes a notice, also when its clock was ahead before', async () => {
  const { after } = await registry.configurations.put(change, 'p', V1);
  const agent = playAgent(registry, 'web1');
  await agent.hello(['p']);
  const said = { config: 'p', revision: after.revision, hash: after.hash } as const;
  await agent.report({ ...said, state: 'healthy', deploy: 'd1', since: '2099-01-01T00:00:00.000Z' });
  await listen();
  const rollouts = await Rollouts.open(registry);
  const since = registry.clock().toISOString();
  await agent.report({ ...said, state: 'failed', deploy: 'd2', since });
  await peer.received(1);
  await rollouts.stop();
  expect(titles()).toEqual(['p revision 1: failed']);
});

it('a failure announced at the first host gets its final number when it is rolled back', async () => {
  await registry.configurations.put(change, 'p', V1);
  const { after } = await registry.configurations.changeLayer(change, 'p', {
    component: 'code',
    version: 'v2',
  });
  const hosts = ['web1', 'web2', 'web3'].map((name) => playAgent(registry, name));
  for (const host of hosts) await host.hello(['p']);
  const fails = (host: PlayedAgent) =>
    host.report({
      config: 'p',
      state: 'rolled-back',
      revision: 2,
      hash: after.hash,
      deploy: host.presence.host,
    });
  await listen();
  const rollouts = await Rollouts.open(registry);
  for (const host of hosts.slice(0, 1)) await fails(host);
  await peer.received(1);
  for (const host of hosts.slice(1)) await fails(host);
  await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v1' });
  await peer.received(3);
  await rollouts.stop();
  expect(titles()).toEqual([
    'p revision 2: failed and rolled back on 1 of 3 hosts so far',
    'p: revision 3',
    'p revision 2: failed and rolled back on all 3 hosts',
  ]);
});
