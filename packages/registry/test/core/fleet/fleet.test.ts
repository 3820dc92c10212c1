import { Fleet } from '@deploy-tools/registry/core/fleet/fleet.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../../shared/test/support/kind-of.js';
import { FLEET, onPorts, openRegistry, SPEAKER, type TestRegistry } from '../../support/open-registry.js';
import { playAgent, speakerOf } from '../../support/played-agent.js';

const HASH = 'a'.repeat(64);
const healthy = (deploy: string, fields: Partial<StateReport> = {}): StateReport => ({
  config: 'p',
  state: 'healthy',
  revision: 1,
  hash: HASH,
  deploy,
  ...fields,
});

const contactOf = (registry: TestRegistry) => registry.fleet.followers('p').map(({ contact }) => contact);
const stored = (registry: TestRegistry) => registry.meta.read(({ fleet }) => fleet.deploys({ limit: 100 }));

/** The same registry's hosts after a restart. */
async function reopened(registry: TestRegistry): Promise<TestRegistry> {
  await registry.fleet.close();
  const steady = () => registry.clock().getTime();
  return onPorts(registry, { fleet: await Fleet.open({ ...registry, ...FLEET, steady }) });
}

describe('a host name', () => {
  test('belongs to the key that used it first, also after a restart, until it is forgotten', async () => {
    const registry = await openRegistry();
    const other = speakerOf({ fingerprint: 'SHA256:other' });
    const first = playAgent(registry, 'web1');
    await first.hello(['p']);
    expect(await kindOfRejection(playAgent(registry, 'web1', other).hello(['p']))).toBe('denied');
    expect(await kindOfRejection(playAgent(registry, 'web1', other).hello([]))).toBe('denied');
    first.leave();
    const again = await reopened(registry);
    expect(await kindOfRejection(playAgent(again, 'web1', other).hello(['p']))).toBe('denied');
    await again.fleet.forget('web1');
    await playAgent(again, 'web1', other).hello(['p']);
    expect(again.fleet.followers('p')).toMatchObject([{ record: { key: other.key } }]);
  });

  test('goes to the key that the key file binds it to', async () => {
    const registry = await openRegistry();
    await playAgent(registry, 'web1').hello(['p']);
    const bound = { ...speakerOf({ fingerprint: 'SHA256:bound' }), owns: () => true };
    await playAgent(registry, 'web1', bound).hello(['p']);
    const again = await reopened(registry);
    expect(again.fleet.followers('p')).toMatchObject([{ record: { key: bound.key } }]);
  });

  test('that is new is on the disk before the agent is welcome', async () => {
    const registry = await openRegistry();
    await playAgent(registry, 'web1').hello(['p']);
    expect(await registry.meta.read(({ fleet }) => fleet.hosts())).toMatchObject([{ host: 'web1' }]);
  });

  test('is not taken when it cannot be written', async () => {
    const registry = await openRegistry();
    await registry.meta.close();
    expect(await kindOfRejection(playAgent(registry, 'web1').hello(['p']))).toBe('internal');
    expect(registry.fleet.hostNames()).toEqual([]);
  });
});

describe('two agents of one host', () => {
  test('may follow different configurations', async () => {
    const registry = await openRegistry();
    const [one, two] = [playAgent(registry, 'web1'), playAgent(registry, 'web1')];
    await one.hello(['p']);
    await two.hello(['q']);
    await one.report(healthy('d1'));
    await two.report(healthy('d2', { config: 'q' }));
    expect(registry.fleet.followers().map(({ configuration }) => configuration)).toEqual(['p', 'q']);
    expect(one.told).toEqual([]);
  });

  test('from the same address: the later one speaks, the earlier one is ended', async () => {
    const registry = await openRegistry();
    const [one, two] = [playAgent(registry, 'web1'), playAgent(registry, 'web1')];
    await one.hello(['p']);
    await two.hello(['p']);
    expect(one.told).toEqual([{ type: 'end', reason: 'another agent speaks for this host now' }]);
    expect(await kindOfRejection(one.report(healthy('d1')))).toBe('invalid');
    one.leave();
    expect(await two.report(healthy('d1'))).toBe('stored');
  });

  test('from elsewhere: refused while the first is heard, let in when it is not', async () => {
    const registry = await openRegistry();
    const one = playAgent(registry, 'web1');
    const two = playAgent(registry, 'web1', speakerOf({ address: '192.0.2.99' }));
    await one.hello(['p']);
    expect(await kindOfRejection(two.hello(['p']))).toBe('in-use');
    registry.pass(15_001);
    await two.hello(['p']);
    expect(registry.fleet.followers('p')).toMatchObject([{ address: '192.0.2.99' }]);
  });
});

describe('what a host follows', () => {
  test('is what its agent says, until it says otherwise on the same channel', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p', 'q']);
    await agent.hello(['q', 'r']);
    expect(registry.fleet.followers().map(({ configuration }) => configuration)).toEqual(['q', 'r']);
    agent.leave();
    const again = await reopened(registry);
    expect(again.fleet.followers().map(({ configuration }) => configuration)).toEqual(['q', 'r']);
  });

  test('a state of something else is invalid', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    expect(await kindOfRejection(agent.report(healthy('d1', { config: 'q' })))).toBe('invalid');
  });

  test('is bounded, in total and for a key', async () => {
    const registry = await openRegistry();
    const many = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, at) => `${prefix}${at}`);
    for (let host = 0; host < 5; host += 1) await playAgent(registry, `web${host}`).hello(many('c', 100));
    expect(await kindOfRejection(playAgent(registry, 'web9').hello(['p']))).toBe('too-large');
    const other = speakerOf({ fingerprint: 'SHA256:other' });
    for (let host = 0; host < 5; host += 1)
      await playAgent(registry, `db${host}`, other).hello(many('c', 100));
    const third = speakerOf({ fingerprint: 'SHA256:third' });
    expect(await kindOfRejection(playAgent(registry, 'x', third).hello([]))).toBe('too-large');
    await playAgent(registry, 'web0').hello(many('c', 100)); // no more than before
  });
});

describe('contact', () => {
  test('a silent host is lost after three heartbeats, and is back when it speaks', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    registry.pass(45_000);
    expect(contactOf(registry)).toEqual(['live']);
    registry.pass(1);
    expect(contactOf(registry)).toEqual(['lost']);
    agent.beat();
    expect(contactOf(registry)).toEqual(['live']);
    agent.leave();
    registry.pass(45_001);
    expect(registry.fleet.followers('p')).toMatchObject([
      { contact: 'lost', silentMs: 45_001, address: undefined },
    ]);
  });

  test('after a restart a host is unheard, with what it last said and when', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    await agent.report(healthy('d1'));
    registry.pass(20_000);
    agent.beat();
    const again = await reopened(registry);
    registry.pass(60_000);
    expect(again.fleet.followers('p')).toMatchObject([
      { contact: 'unheard', silentMs: 60_000, report: { state: 'healthy', deploy: 'd1' } },
    ]);
    await playAgent(again, 'web1').hello(['p']);
    expect(contactOf(again)).toEqual(['live']);
  });

  test('a heartbeat writes nothing; that a host is heard is written now and then', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    await agent.report(healthy('d1'));
    const contact = async () => (await registry.meta.read(({ fleet }) => fleet.hostStates()))[0]?.contact;
    const before = await contact();
    for (let round = 0; round < 20; round += 1) {
      registry.pass(10_000);
      agent.beat();
      registry.fleet.sweep();
    }
    await agent.report(healthy('d2')); // whatever waits is written with it
    expect(await contact()).toBe(before);
    registry.pass(200_000);
    agent.beat();
    registry.fleet.sweep();
    await agent.report(healthy('d3'));
    expect(await contact()).toBe(registry.clock().toISOString());
  });
});

test('how far an attempt is costs no write; a change of its state does', async () => {
  const registry = await openRegistry();
  const [agent, other] = [playAgent(registry, 'web1'), playAgent(registry, 'web2')];
  await agent.hello(['p']);
  await other.hello(['p']);
  const fetching = (done: number): StateReport => ({
    ...{ config: 'p', state: 'fetching', hash: HASH, deploy: 'd1' },
    ...{ progress: { done, total: 9 }, timings: { fetch: done }, bytes: { fetched: done, reused: 0 } },
  });
  const written = async (report: StateReport, outcome: string) => {
    await agent.report(report);
    await other.report(healthy(outcome)); // whatever waits is written with it
    const states = await registry.meta.read(({ fleet }) => fleet.hostStates());
    return states.find(({ host }) => host === 'web1')?.report;
  };
  expect(await written(fetching(0), 'o1')).toEqual(fetching(0));
  expect(await written(fetching(8), 'o2')).toEqual(fetching(0));
  expect(registry.fleet.followers('p')[0]?.report).toEqual(fetching(8));
  const staged = { ...fetching(9), state: 'staged' } as const;
  expect(await written(staged, 'o3')).toEqual(staged);
});

describe('a host that comes back', () => {
  test('is not known to be as it was until it has said how it is', async () => {
    const registry = await openRegistry();
    const current = (of: TestRegistry) => of.fleet.followers('p').map(({ isCurrent }) => isCurrent);
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    expect(current(registry)).toEqual([false]);
    await agent.report(healthy('d1'));
    expect(current(registry)).toEqual([true]);
    const again = await reopened(registry);
    const back = playAgent(again, 'web1', SPEAKER, ['again']);
    await back.hello(['p']);
    expect(current(again)).toEqual([false]);
    await back.report(healthy('d1', { again: true }));
    expect(current(again)).toEqual([false]);
    await back.report(healthy('d1'));
    expect(current(again)).toEqual([true]);
    back.leave();
    expect(current(again)).toEqual([true]);
    registry.pass(45_001);
    expect(current(again)).toEqual([false]);
  });
});

describe('an outcome', () => {
  test('is stored before it is acknowledged, once', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    const log = ['one', 'two'];
    expect(await agent.report(healthy('d1', { log }))).toBe('stored');
    registry.pass(1000);
    expect(await agent.report(healthy('d1', { log }))).toBe('known');
    const records = await stored(registry);
    expect(records).toMatchObject([{ host: 'web1', key: SPEAKER.key, address: SPEAKER.address }]);
    expect(records[0]?.report).toEqual(healthy('d1'));
    expect(await registry.meta.read(({ fleet }) => fleet.deployLog('web1', 'p', 'd1'))).toEqual({
      lines: log,
    });
  });

  test('that cannot be stored is not acknowledged, and may be sent again', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    await registry.meta.close();
    expect(await kindOfRejection(agent.report(healthy('d1')))).toBe('internal');
    expect(await kindOfRejection(agent.report(healthy('d1')))).toBe('internal');
  });

  test('of an earlier attempt, sent again, is history and not the present', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1', SPEAKER, ['again']);
    await agent.hello(['p']);
    await agent.report(healthy('d2', { since: '2026-01-02T00:00:00.000Z' }));
    await agent.report(healthy('d1', { state: 'rolled-back', again: true }));
    expect(registry.fleet.followers('p')).toMatchObject([
      { report: { state: 'healthy', deploy: 'd2' }, isCurrent: false }, // how things are now comes after it
    ]);
    expect((await stored(registry)).map(({ report }) => report.deploy).sort()).toEqual(['d1', 'd2']);
  });

  test('that an agent repeats without marking it is recognised by its time, until the agent has reported the present', async () => {
    const registry = await openRegistry();
    const first = playAgent(registry, 'web1');
    await first.hello(['p']);
    await first.report(healthy('d2', { since: '2026-01-02T00:00:00.000Z' }));
    const second = playAgent(registry, 'web1');
    await second.hello(['p']);
    await second.report(healthy('d1', { state: 'rolled-back', since: '2026-01-01T00:00:00.000Z' }));
    expect(registry.fleet.followers('p')).toMatchObject([{ report: { deploy: 'd2' }, isCurrent: false }]);
    second.beat(); // there is nothing more: it was how things are now
    expect(registry.fleet.followers('p')).toMatchObject([{ report: { deploy: 'd1' }, isCurrent: true }]);
  });

  test('that was noted but not stored when the registry was killed is stored when it is sent again', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    await agent.report(healthy('d1'));
    await registry.meta.write(({ fleet }) => fleet.trimDeploys('web1', 'p', 0));
    const again = await reopened(registry);
    const back = playAgent(again, 'web1');
    await back.hello(['p']);
    expect(await back.report(healthy('d1'))).toBe('stored');
    expect(await stored(again)).toHaveLength(1);
  });

  test('of a rollback keeps the reason for it', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    const error = { kind: 'script', message: 'exit 3' };
    await agent.report(healthy('d1', { state: 'failed', error, log: ['why'] }));
    await agent.report(healthy('d1', { state: 'rolling-back' }));
    await agent.report(healthy('d1', { state: 'rolled-back' }));
    expect((await stored(registry)).map(({ report }) => [report.state, report.error])).toEqual([
      ['rolled-back', error],
    ]);
    expect(await registry.meta.read(({ fleet }) => fleet.deployLog('web1', 'p', 'd1'))).toEqual({
      lines: ['why'],
    });
  });

  test('that is under way loses its error with the first line that has none', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    const error = { kind: 'unhealthy', message: 'http a: 503' };
    const now = () => registry.fleet.followers('p').map(({ report }) => report?.error);
    await agent.report(healthy('d1', { state: 'validating', error }));
    expect(now()).toEqual([error]);
    await agent.report(healthy('d1', { state: 'validating' }));
    expect(now()).toEqual([undefined]);
    await agent.report(healthy('d1', { state: 'failed', error }));
    await agent.report(healthy('d1', { state: 'rolling-back' }));
    expect(now()).toEqual([error]);
  });

  test('without a name for its attempt is a state, and no history', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    expect(await agent.report({ config: 'p', state: 'healthy', hash: HASH })).toBe('noted');
    expect(await stored(registry)).toEqual([]);
    expect(registry.fleet.followers('p')).toMatchObject([{ report: { state: 'healthy' } }]);
  });
});

describe('a host whose clock was ahead', () => {
  const ahead = { since: '2099-01-01T00:00:00.000Z' };

  test('is believed in the order in which it speaks: what fails later has failed', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    await agent.report(healthy('d1', ahead));
    await agent.report(healthy('d2', { state: 'fetching', since: registry.clock().toISOString() }));
    await agent.report(healthy('d2', { state: 'failed', since: registry.clock().toISOString() }));
    expect(registry.fleet.followers('p')).toMatchObject([{ report: { state: 'failed', deploy: 'd2' } }]);
  });

  test('is believed after a reconnect and a restart, too', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    await agent.report(healthy('d1', ahead));
    agent.leave();
    const again = await reopened(registry);
    registry.pass(60_001);
    const back = playAgent(again, 'web1');
    await back.hello(['p']);
    await back.report(healthy('d2', { state: 'failed', since: again.clock().toISOString() }));
    expect(again.fleet.followers('p')).toMatchObject([{ report: { state: 'failed', deploy: 'd2' } }]);
  });
});

describe('forget', () => {
  test('is refused while the agent is heard; history stays', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p', 'q']);
    await agent.report(healthy('d1'));
    expect(await kindOfRejection(registry.fleet.forget('web1'))).toBe('in-use');
    expect(await kindOfRejection(registry.fleet.forget('web2'))).toBe('not-found');
    expect(await kindOfRejection(registry.fleet.forget('web1', 'r'))).toBe('not-found');
    agent.leave();
    await registry.fleet.forget('web1', 'q');
    expect(registry.fleet.followers().map(({ configuration }) => configuration)).toEqual(['p']);
    await registry.fleet.forget('web1');
    expect((await reopened(registry)).fleet.hostNames()).toEqual([]);
    expect(await stored(registry)).toHaveLength(1);
  });

  test('ends an agent that is not heard any more', async () => {
    const registry = await openRegistry();
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    registry.pass(45_001);
    await registry.fleet.forget('web1');
    expect(agent.told).toEqual([{ type: 'end', reason: 'this host was forgotten' }]);
  });
});
