import { type HistoryPart, RECENT_DEPLOYS } from '@deploy-tools/registry/meta/fleet-store.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { describe, expect, test } from 'vitest';
import { OPERATOR, onPorts, openRegistry, type TestRegistry } from '../../support/open-registry.js';
import { type PlayedAgent, playAgent, speakerOf } from '../../support/played-agent.js';

const KB = 1000;
const LOG = ['x'.repeat(KB)];

const outcome = (deploy: string, fields: Partial<StateReport> = {}): StateReport => ({
  config: 'p',
  state: 'healthy',
  revision: 1,
  deploy,
  log: LOG,
  ...fields,
});

/** An agent with a key of its own, named as its host is. */
async function agentOf(registry: TestRegistry, host: string): Promise<PlayedAgent> {
  const agent = playAgent(registry, host, speakerOf({ fingerprint: `SHA256:${host}` }));
  await agent.hello(['p']);
  return agent;
}

async function tell(agent: PlayedAgent, count: number, fields: Partial<StateReport> = {}): Promise<void> {
  for (let number = 1; number <= count; number += 1) await agent.report(outcome(`d${number}`, fields));
}

async function logsOf(registry: TestRegistry, host: string, count: number): Promise<number> {
  return registry.meta.read(async ({ fleet }) => {
    let kept = 0;
    for (let number = 1; number <= count; number += 1) {
      kept += (await fleet.deployLog(host, 'p', `d${number}`)).lines.length;
    }
    return kept;
  });
}

const rowsOf = async (registry: TestRegistry, host: string) =>
  (await registry.meta.read(({ fleet }) => fleet.deploys({ host, limit: 10_000 }))).length;

const totalOf = async (registry: TestRegistry, part: HistoryPart) =>
  (await registry.meta.read(({ fleet }) => fleet.historySize(part))).total;

const bounded = (total: number, perKey: number) =>
  openRegistry({ historySize: { total: total * KB, perKey: perKey * KB } });

async function ran(registry: TestRegistry, line: string): Promise<string> {
  const feed = { send: async () => {}, signal: new AbortController().signal, terminal: false };
  const { stdout, stderr } = await registry.dispatcher.run({ principal: OPERATOR, via: 'exec' }, line, feed);
  return stderr + stdout;
}

describe('logs of deploys', () => {
  test('take no more than a key may have; the deploys stay, and say that theirs is gone', async () => {
    const registry = await bounded(400, 100);
    const agent = await agentOf(registry, 'web1');
    const log = ['x'.repeat(4 * KB)];
    await tell(agent, 60, { log });
    expect(await totalOf(registry, 'logs')).toBeLessThanOrEqual(100 * KB);
    expect(await logsOf(registry, 'web1', 60)).toBeGreaterThan(20);
    expect(await rowsOf(registry, 'web1')).toBe(60);
    const text = await ran(registry, 'logs p web1 -deploy d1');
    expect(text).toContain('d1: revision 1 healthy at');
    expect(text).toContain(
      '(the log was removed to make room for newer ones; see -history-size of the registry)',
    );
    expect(JSON.parse(await ran(registry, 'logs p web1 -deploy d1 -json'))).toMatchObject({
      log: [],
      logGap: 'removed',
    });
    expect(JSON.parse(await ran(registry, 'logs p web1 -json'))).toMatchObject({ log, logGap: null });
  });

  test('of one key do not push out those of others, though it never stops', async () => {
    const registry = await bounded(100, 80);
    const [quiet, other, busy] = await Promise.all(
      ['quiet', 'other', 'busy'].map((host) => agentOf(registry, host)),
    );
    await tell(quiet as PlayedAgent, 15);
    await tell(other as PlayedAgent, 30);
    await tell(busy as PlayedAgent, 300);
    expect(await totalOf(registry, 'logs')).toBeLessThanOrEqual(100 * KB);
    expect(await logsOf(registry, 'quiet', 15)).toBe(15);
    expect(await logsOf(registry, 'other', 30)).toBe(30);
    expect(await logsOf(registry, 'busy', 300)).toBeGreaterThan(45);
  });

  test('of a quiet host stay when another one with its key is busy', async () => {
    const registry = await bounded(400, 40);
    const [quiet, busy] = [playAgent(registry, 'quiet'), playAgent(registry, 'busy')];
    for (const agent of [quiet, busy]) await agent.hello(['p']);
    await tell(quiet, RECENT_DEPLOYS);
    await tell(busy, 100);
    expect(await totalOf(registry, 'logs')).toBeLessThanOrEqual(40 * KB);
    expect(await logsOf(registry, 'quiet', RECENT_DEPLOYS)).toBe(RECENT_DEPLOYS);
  });

  test('are not stored while the disk has less than its reserve; the outcome is', async () => {
    const registry = await openRegistry({ minFree: Number.MAX_SAFE_INTEGER });
    const agent = await agentOf(registry, 'web1');
    expect(await agent.report(outcome('d1'))).toBe('stored');
    expect(await rowsOf(registry, 'web1')).toBe(1);
    const text = await ran(registry, 'logs p web1');
    expect(text).toContain("(the log was not stored: the registry's disk had less left than -min-free)");
    expect(text).not.toContain('the host sent no log');
    await agent.report(outcome('d2', { state: 'fetching', log: ['so far'] }));
    await registry.fleet.close();
    expect(JSON.parse(await ran(registry, 'logs p web1 -json'))).toMatchObject({
      log: [],
      logGap: 'no-space',
    });
  });

  test('are stored again when there is room, and while the free space is unknown', async () => {
    const registry = await openRegistry({ minFree: 1000 });
    let free: number | Error = 999;
    registry.bytes.freeBytes = async () => {
      if (typeof free === 'number') return free;
      throw free;
    };
    const agent = await agentOf(registry, 'web1');
    await agent.report(outcome('d1'));
    free = 1000;
    registry.pass(1000);
    await agent.report(outcome('d2'));
    free = new Error('statfs');
    registry.pass(1000);
    await agent.report(outcome('d3'));
    expect(await logsOf(registry, 'web1', 1)).toBe(0);
    expect(await logsOf(registry, 'web1', 3)).toBe(2);
  });
});

describe('deploys', () => {
  test('of one key are bounded, however many configurations it names one after the other', async () => {
    const registry = await bounded(400, 100);
    const agent = await agentOf(registry, 'web1');
    for (let number = 0; number < 200; number += 1) {
      await agent.hello([`p${number}`]);
      await agent.report(outcome('d1', { config: `p${number}` }));
    }
    expect(await totalOf(registry, 'deploys')).toBeLessThanOrEqual(100 * KB);
    const rows = await rowsOf(registry, 'web1');
    expect(rows).toBeGreaterThan(50);
    expect(rows).toBeLessThan(100);
    expect(await ran(registry, 'history p199 -host web1')).toContain('healthy');
  });

  test('of a key that fills its share do not push out those of others', async () => {
    const registry = await bounded(100, 80);
    const [quiet, busy] = [await agentOf(registry, 'quiet'), await agentOf(registry, 'busy')];
    await tell(quiet, 20);
    await tell(busy, 200);
    expect(await totalOf(registry, 'deploys')).toBeLessThanOrEqual(100 * KB);
    expect(await rowsOf(registry, 'quiet')).toBe(20);
  });
});

test('what is there already comes within bounds that became less by housekeeping', async () => {
  const registry = await openRegistry();
  await tell(await agentOf(registry, 'web1'), 150);
  const smaller = onPorts(registry, {
    limits: { ...registry.limits, historySize: { total: 20 * KB, perKey: 20 * KB } },
  });
  await smaller.housekeeping.collect();
  expect(await totalOf(registry, 'logs')).toBeLessThanOrEqual(20 * KB);
  expect(await totalOf(registry, 'deploys')).toBeLessThanOrEqual(20 * KB);
});
