import { LostHosts } from '@deploy-tools/registry/core/notices/lost-hosts.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HttpPeer, startHttpPeer } from '../../../../notices/test/support/http-peer.js';
import { openRegistry, type TestRegistry } from '../../support/open-registry.js';
import { type PlayedAgent, playAgent } from '../../support/played-agent.js';

let registry: TestRegistry;
let peer: HttpPeer;
let hosts: PlayedAgent[];

beforeEach(async () => {
  registry = await openRegistry();
  peer = await startHttpPeer(() => ({ status: 200 }));
  await registry.notices.add({
    url: `webhook+${peer.url}/`,
    events: [],
    names: [],
    fingerprint: '',
    comment: '',
  });
  hosts = ['web1', 'web2', 'web3'].map((name) => playAgent(registry, name));
  for (const host of hosts) await host.hello(['project1']);
});
afterEach(() => peer.close());

async function look(lostHosts: LostHosts): Promise<void> {
  lostHosts.check();
  await lostHosts.stop();
}

/** What was told, once a last message tells that there is nothing more. */
async function told(): Promise<string[]> {
  const time = registry.clock().toISOString();
  registry.notices.notify({ event: 'test', time, author: '' });
  const titles = () => peer.requests.map(({ body }) => JSON.parse(body).title as string);
  const end = 'Test: notices arrive here';
  while (!titles().includes(end)) await peer.received(peer.requests.length + 1);
  const before = titles().filter((title) => title !== end);
  peer.requests.length = 0;
  return before;
}

it('one outage makes one notice, and so does its end', async () => {
  const lostHosts = await LostHosts.open(registry);
  registry.pass(30_000);
  hosts[2]?.beat();
  registry.pass(20_000);
  await look(lostHosts);
  registry.pass(30_000);
  await look(lostHosts);
  await look(lostHosts);
  await look(lostHosts);
  expect(await told()).toEqual(['3 hosts lost']);
  for (const host of hosts) host.beat();
  for (let at = 0; at < 4; at += 1) await look(lostHosts);
  expect(await told()).toEqual(['3 hosts heard again']);
});

it('a host among others, with why', async () => {
  const lostHosts = await LostHosts.open(registry);
  registry.pass(50_000);
  for (const host of hosts.slice(1)) host.beat();
  for (let at = 0; at < 4; at += 1) await look(lostHosts);
  await peer.received(1);
  expect(JSON.parse(peer.requests[0]?.body ?? '')).toMatchObject({
    event: 'host-lost',
    hosts: 1,
    named: [{ host: 'web1', reason: 'silent for 50 s' }],
    configurations: ['project1'],
  });
});

it('a restarted registry announces a lost host neither again nor too early, and announces its recovery', async () => {
  const lostHosts = await LostHosts.open(registry);
  registry.pass(50_000);
  for (const host of hosts.slice(1)) host.beat();
  for (let at = 0; at < 4; at += 1) await look(lostHosts);
  expect(await told()).toEqual(['host web1 lost']);
  const again = await LostHosts.open(registry);
  for (let at = 0; at < 4; at += 1) await look(again);
  expect(await told()).toEqual([]);
  for (const host of hosts) host.beat();
  for (let at = 0; at < 4; at += 1) await look(again);
  expect(await told()).toEqual(['host web1 heard again']);
});

it('a host that is forgotten does not come back', async () => {
  const lostHosts = await LostHosts.open(registry);
  registry.pass(50_000);
  for (let at = 0; at < 4; at += 1) await look(lostHosts);
  expect(await told()).toEqual(['3 hosts lost']);
  await registry.fleet.forget('web1');
  for (let at = 0; at < 4; at += 1) await look(lostHosts);
  await playAgent(registry, 'web1').hello(['project1']);
  for (let at = 0; at < 4; at += 1) await look(lostHosts);
  expect(await told()).toEqual([]);
  expect(await registry.meta.read(({ notices }) => notices.lostHosts())).toEqual(['web2', 'web3']);
});
