import type { HostStatus } from '@deploy-tools/registry/core/fleet/fleet-status.js';
import { statusOf } from '@deploy-tools/registry/core/fleet/fleet-status.js';
import { rolloutFacts } from '@deploy-tools/registry/core/notices/rollout-facts.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { beforeEach, expect, it } from 'vitest';
import { openRegistry, type TestRegistry } from '../../support/open-registry.js';
import { type PlayedAgent, playAgent } from '../../support/played-agent.js';

const HEAD = { revision: 7, hash: 'a'.repeat(64) };
const OLD = { revision: 6, hash: 'b'.repeat(64) };
let registry: TestRegistry;

beforeEach(async () => {
  registry = await openRegistry();
});

async function host(name: string, fields: Partial<StateReport> | undefined): Promise<PlayedAgent> {
  const agent = playAgent(registry, name);
  await agent.hello(['p']);
  const report = { config: 'p', deploy: `d-${name}`, ...HEAD, running: OLD, lastGood: OLD };
  if (fields !== undefined) await agent.report({ state: 'healthy', ...report, ...fields });
  return agent;
}

const healthy = { state: 'healthy', running: HEAD, lastGood: HEAD } as const;
const failure = (state: StateReport['state'], message: string) => ({
  state,
  error: { kind: 'script', message },
});
const facts = (mostFailures = 0) => {
  const hosts: HostStatus[] = statusOf(registry.fleet, registry.fleet.followers('p'), () => HEAD.hash);
  return rolloutFacts(HEAD, hosts, mostFailures);
};

it('of no host', () => {
  expect(facts()).toMatchObject({ hosts: 0, begun: false, failed: 0, settled: true, named: [] });
});

it('a host that waits has not begun; one at work has', async () => {
  await host('web1', { state: 'pending' });
  await host('web2', { state: 'healthy', ...OLD, running: OLD });
  expect(facts()).toMatchObject({ hosts: 2, begun: false, settled: false });
  await host('web3', { state: 'fetching' });
  expect(facts()).toMatchObject({ hosts: 3, begun: true, inSync: 0, failed: 0 });
});

it('the most common error, and the hosts', async () => {
  await host('web1', failure('rolled-back', 'no such file'));
  await host('web2', failure('rolled-back', 'exited with status 3'));
  await host('web3', failure('rolled-back', 'exited with status 4'));
  await host('web4', healthy);
  expect(facts(2)).toMatchObject({
    failed: 3,
    inSync: 1,
    failure: 'deploy-rolled-back',
    error: { message: 'exited with status 3' },
    settled: true,
    rounds: 2,
    named: [{ host: 'web1', reason: 'script: no such file' }, { host: 'web2' }, { host: 'web3' }],
  });
  await host('web5', failure('inconsistent', 'x'));
  expect(facts()).toMatchObject({ failed: 4, failure: 'deploy-failed', rounds: 1 });
});

it('a host that is rolling back is waited for', async () => {
  await host('web1', healthy);
  await host('web2', failure('rolling-back', 'x'));
  expect(facts()).toMatchObject({ failed: 0, settled: false, begun: true });
});

it('a host that is lost is not waited for; what it said last is not forgotten', async () => {
  const [one, two, three] = [
    await host('web1', healthy),
    await host('web2', failure('failed', 'x')),
    await host('web3', undefined),
  ];
  expect(facts()).toMatchObject({ failed: 1, settled: false, failedAndGone: 0 });
  registry.pass(60_000);
  one.beat();
  expect(facts()).toMatchObject({
    failed: 0,
    failedAndGone: 1,
    settled: true,
    heard: true,
    named: [
      { host: 'web2', reason: 'silent for 60 s' },
      { host: 'web3', reason: 'silent for 60 s' },
    ],
  });
  for (const agent of [two, three]) agent.beat();
  expect(facts()).toMatchObject({ failed: 1, failedAndGone: 0 });
});

it('names a bounded number', async () => {
  for (let at = 0; at < 12; at += 1) await host(`web${at}`, failure('failed', 'y'.repeat(5000)));
  const { named, failed } = facts();
  expect(failed).toBe(12);
  expect(named).toHaveLength(10);
  expect(named[0]?.reason.length).toBeLessThanOrEqual(200);
});
