import {
  type DeployRecord,
  type HostRecord,
  type HostState,
  RECENT_DEPLOYS,
} from '@deploy-tools/registry/meta/fleet-store.js';
import type { MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import type { Outcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import fc from 'fast-check';
import { expect } from 'vitest';
import { stateReports } from '../../../shared/test/report/report-arbitraries.js';
import type { WithStore } from './meta-store-contract.js';

const TIME = '2026-01-02T03:04:05.678Z';
const KEY = { fingerprint: 'SHA256:agent', comment: 'web@example' };

function hostOf(host: string, fields: Partial<HostRecord> = {}): HostRecord {
  return { host, key: KEY, agent: '0.2.0', labels: { zone: 'a' }, firstSeen: TIME, ...fields };
}

function stateOf(host: string, configuration: string, report?: StateReport): HostState {
  return { host, configuration, report, changed: TIME, contact: TIME };
}

interface DeployFields extends Partial<Omit<DeployRecord, 'report'>> {
  readonly config?: string;
  readonly state?: Outcome;
  readonly revision?: number;
}

/** Times follow the number of the deploy. */
function deployOf(host: string, number: number, fields: DeployFields = {}): DeployRecord {
  const { config = 'p', state = 'healthy', revision = number, ...rest } = fields;
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, number)).toISOString();
  const report = { config, state, revision, hash: 'a'.repeat(64), deploy: `d${number}` };
  return { time, host, key: KEY, address: '192.0.2.1', report, ...rest };
}

/** The hosts' part of the contract of MetaStore. */
export function fleetContract(withStore: WithStore): void {
  hosts(withStore);
  deploys(withStore);
  retention(withStore);
}

function hosts(withStore: WithStore): void {
  withStore('what is not there is undefined or empty', async (store) => {
    await store.write(async ({ fleet }) => {
      expect(await fleet.hosts()).toEqual([]);
      expect(await fleet.hostStates()).toEqual([]);
      expect(await fleet.hostLog('web1', 'p')).toBeUndefined();
      expect(await fleet.deploys({ limit: 10 })).toEqual([]);
      expect(await fleet.deployLog('web1', 'p', 'd1')).toEqual({ lines: [] });
      expect(await fleet.landings('p', 0)).toEqual([]);
      expect(await fleet.attempts('p', 0)).toEqual([]);
      expect(await fleet.mostFailures('p', 1)).toBe(0);
      await fleet.deleteHost('web1');
      await fleet.deleteHostState('web1', 'p');
      await fleet.touchHostState('web1', 'p', TIME);
      await fleet.putHostLog('web1', 'p', { deploy: 'd1', lines: ['x'] });
      expect(await fleet.hostLog('web1', 'p')).toBeUndefined();
    });
  });

  withStore('a host is replaced but for when it was first seen', async (store, opened) => {
    const later = hostOf('web1', { key: { ...KEY, comment: 'other' }, agent: '0.3.0', labels: {} });
    await store.write(async ({ fleet }) => {
      await fleet.putHost(hostOf('web2'));
      await fleet.putHost(hostOf('web1'));
      await fleet.putHost({ ...later, firstSeen: '2027-01-01T00:00:00.000Z' });
    });
    const again = await opened.reopen();
    expect(await again.read(({ fleet }) => fleet.hosts())).toEqual([later, hostOf('web2')]);
  });

  withStore('a state is read back as it was said, whatever that is', async (store) => {
    await fc.assert(
      fc.asyncProperty(stateReports, async ({ log: _log, ...report }) => {
        await store.write(({ fleet }) => fleet.putHostState(stateOf('web1', 'p', report)));
        expect(await store.read(({ fleet }) => fleet.hostStates())).toEqual([stateOf('web1', 'p', report)]);
      }),
      { numRuns: 30 },
    );
  });

  withStore('a state is replaced, its log stays until another one comes', async (store) => {
    await store.write(async ({ fleet }) => {
      await fleet.putHostState(stateOf('web1', 'p'));
      await fleet.putHostLog('web1', 'p', { deploy: 'd1', lines: ['one', 'zwei\u0000'] });
      const state = { config: 'p', state: 'fetching' } as const;
      await fleet.putHostState({ ...stateOf('web1', 'p', state), changed: '2027' });
      expect(await fleet.hostLog('web1', 'p')).toEqual({ deploy: 'd1', lines: ['one', 'zwei\u0000'] });
      await fleet.putHostLog('web1', 'p', { deploy: 'd1', lines: [], gap: 'no-space' });
      expect(await fleet.hostLog('web1', 'p')).toEqual({ deploy: 'd1', lines: [], gap: 'no-space' });
      await fleet.putHostLog('web1', 'p', { deploy: 'd2', lines: [] });
      expect(await fleet.hostLog('web1', 'p')).toEqual({ deploy: 'd2', lines: [] });
      await fleet.touchHostState('web1', 'p', '2028');
      expect(await fleet.hostStates()).toEqual([
        { ...stateOf('web1', 'p', state), changed: '2027', contact: '2028' },
      ]);
    });
  });

  withStore('a host goes with its states; others and what it deployed stay', async (store) => {
    await store.write(async ({ fleet }) => {
      for (const host of ['web1', 'web2']) {
        await fleet.putHost(hostOf(host));
        for (const configuration of ['p', 'q']) await fleet.putHostState(stateOf(host, configuration));
      }
      await fleet.putDeploy(deployOf('web1', 1), []);
      await fleet.deleteHostState('web2', 'q');
      await fleet.deleteHost('web1');
      expect(await fleet.hosts()).toEqual([hostOf('web2')]);
      expect(await fleet.hostStates()).toEqual([stateOf('web2', 'p')]);
      expect(await fleet.deploys({ limit: 10 })).toEqual([deployOf('web1', 1)]);
    });
  });
}

function deploys(withStore: WithStore): void {
  withStore(
    'an attempt is told apart by host, configuration and deploy; once it is stored it stays',
    async (store) => {
      const told = [
        deployOf('web1', 1),
        deployOf('web2', 1),
        deployOf('web1', 1, { config: 'q' }),
        deployOf('web1', 2),
      ];
      await store.write(async ({ fleet }) => {
        for (const record of [...told, { ...deployOf('web1', 1), time: '2027' }]) {
          await fleet.putDeploy(record, ['log']);
        }
        expect(await fleet.deploys({ limit: 10 })).toEqual(told);
      });
    },
  );

  withStore('failed precedes a rollback and does not follow it', async (store) => {
    const failed = deployOf('web1', 1, { state: 'failed' });
    const back = deployOf('web1', 1, { state: 'rolled-back', time: '2026-01-01T00:00:09.000Z' });
    await store.write(async ({ fleet }) => {
      await fleet.putDeploy(failed, ['first', 'second']);
      await fleet.putDeploy(back, []);
      await fleet.putDeploy(failed, ['other']);
      expect(await fleet.deploys({ limit: 10 })).toEqual([back]);
      expect(await fleet.deployLog('web1', 'p', 'd1')).toEqual({ lines: ['first', 'second'] });
    });
  });

  withStore(
    'all conditions of a query hold; the newest are chosen, the oldest of them is first',
    async (store) => {
      const other = { fingerprint: 'SHA256:other', comment: 'db@100%_x' };
      const all = [
        deployOf('web1', 1),
        deployOf('web2', 2, { state: 'rolled-back' }),
        deployOf('web1', 3, { config: 'q', key: other }),
        deployOf('q', 4, { state: 'failed' }),
      ];
      await store.write(async ({ fleet }) => {
        for (const record of all) await fleet.putDeploy(record, []);
      });
      const ask = async (query: object) =>
        (await store.read(({ fleet }) => fleet.deploys({ limit: 10, ...query }))).map(
          ({ report }) => report.deploy,
        );
      expect(await ask({})).toEqual(['d1', 'd2', 'd3', 'd4']);
      expect(await ask({ limit: 2 })).toEqual(['d3', 'd4']);
      expect(await ask({ configuration: 'p' })).toEqual(['d1', 'd2', 'd4']);
      expect(await ask({ host: 'web1', configuration: 'p' })).toEqual(['d1']);
      expect(await ask({ subject: 'q' })).toEqual(['d3', 'd4']);
      expect(await ask({ who: 'SHA256:other' })).toEqual(['d3']);
      expect(await ask({ who: '100%_' })).toEqual(['d3']);
      expect(await ask({ failed: true })).toEqual(['d2', 'd4']);
      expect(await ask({ deploy: 'd2' })).toEqual(['d2']);
      expect(await ask({ since: '2026-01-01T00:00:03.000Z' })).toEqual(['d3', 'd4']);
    },
  );

  withStore(
    'the newest attempts are those that were reported last, whatever their times say',
    async (store) => {
      await store.write(async ({ fleet }) => {
        await fleet.putDeploy(deployOf('web1', 1, { time: '2099-01-01T00:00:00.000Z' }), []);
        await fleet.putDeploy(deployOf('web1', 2), []);
        expect((await fleet.deploys({ limit: 1 })).map(({ report }) => report.deploy)).toEqual(['d2']);
      });
    },
  );

  withStore("a host's last attempt at a revision is where that revision landed", async (store) => {
    await store.write(async ({ fleet }) => {
      await fleet.putDeploy(deployOf('web1', 1, { revision: 6 }), []);
      await fleet.putDeploy(deployOf('web1', 2, { revision: 7, state: 'rolled-back' }), []);
      await fleet.putDeploy(deployOf('web1', 3, { revision: 7 }), []);
      await fleet.putDeploy(deployOf('web2', 4, { revision: 7 }), []);
      await fleet.putDeploy(deployOf('web3', 5, { revision: 7, state: 'failed' }), []);
      await fleet.putDeploy(deployOf('web3', 6, { revision: 7, config: 'q' }), []);
      expect(await fleet.landings('p', 7)).toEqual([
        { revision: 7, state: 'failed', hosts: 1 },
        { revision: 7, state: 'healthy', hosts: 2 },
      ]);
      expect(await fleet.landings('p', 0)).toHaveLength(3);
      const hash = 'a'.repeat(64);
      expect(await fleet.attempts('p', 6)).toEqual([
        { host: 'web1', revision: 6, hash, state: 'healthy' },
        { host: 'web1', revision: 7, hash, state: 'healthy' },
        { host: 'web2', revision: 7, hash, state: 'healthy' },
        { host: 'web3', revision: 7, hash, state: 'failed' },
      ]);
    });
  });

  withStore('the host where most attempts at a revision failed says how many', async (store) => {
    await store.write(async ({ fleet }) => {
      const states = ['failed', 'rolled-back', 'healthy', 'inconsistent'] as const;
      for (const [number, state] of states.entries()) {
        await fleet.putDeploy(deployOf('web1', number, { revision: 7, state }), []);
      }
      await fleet.putDeploy(deployOf('web2', 1, { revision: 7, state: 'failed' }), []);
      await fleet.putDeploy(deployOf('web3', 1, { revision: 7, config: 'q', state: 'failed' }), []);
      await fleet.putDeploy(deployOf('web2', 9, { revision: 8 }), []);
      expect(await fleet.mostFailures('p', 7)).toBe(3);
      expect(await fleet.mostFailures('p', 8)).toBe(0);
    });
  });
}

function retention(withStore: WithStore): void {
  const left = async (store: MetaStore) =>
    (await store.read(({ fleet }) => fleet.deploys({ limit: 100 }))).map(
      ({ host, report }) => `${host} ${report.config} ${report.deploy}`,
    );

  withStore('trimming leaves the newest of one host and configuration', async (store) => {
    await store.write(async ({ fleet }) => {
      for (const number of [1, 2, 3, 4]) await fleet.putDeploy(deployOf('web1', number), []);
      await fleet.putDeploy(deployOf('web2', 1), []);
      await fleet.putDeploy(deployOf('web1', 1, { config: 'q' }), []);
      expect(await fleet.trimDeploys('web1', 'p', 2)).toBe(2);
      expect(await fleet.trimDeploys('web1', 'p', 2)).toBe(0);
    });
    expect(await left(store)).toEqual(['web1 p d3', 'web1 p d4', 'web2 p d1', 'web1 q d1']);
  });

  withStore('what is old goes, but not the newest of each host and configuration', async (store) => {
    const count = RECENT_DEPLOYS + 2;
    await store.write(async ({ fleet }) => {
      for (let number = 1; number <= count; number += 1) await fleet.putDeploy(deployOf('web1', number), []);
      await fleet.putDeploy(deployOf('web2', 1), []);
      expect(await fleet.deleteDeploysBefore('2026-01-01T00:00:02.000Z')).toBe(1);
      expect(await fleet.deleteDeploysBefore('2027')).toBe(1);
      expect(await fleet.deleteDeploysBefore('2027')).toBe(0);
    });
    const newest = Array.from({ length: RECENT_DEPLOYS }, (_, place) => `web1 p d${place + 3}`);
    expect(await left(store)).toEqual([...newest, 'web2 p d1']);
  });

  withStore('what is old goes in steps, none of which is long', async (store) => {
    const count = 1000;
    await store.write(async ({ fleet }) => {
      for (let number = 1; number <= count; number += 1) await fleet.putDeploy(deployOf('web1', number), []);
      const steps: number[] = [];
      while (steps.at(-1) !== 0) steps.push(await fleet.deleteDeploysBefore('2027'));
      expect(steps.reduce((sum, deleted) => sum + deleted, 0)).toBe(count - RECENT_DEPLOYS);
      expect(Math.max(...steps)).toBeLessThan(500);
    });
  });
}
