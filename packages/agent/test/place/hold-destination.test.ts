import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { cancelAttempt } from '@deploy-tools/agent/deploy/operator-requests.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { lockDestination } from '@deploy-tools/agent/place/sync/lock-destination.js';
import { presentReport } from '@deploy-tools/agent/tell/report/present-report.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../../test/support/until.js';
import { DeployingHost } from '../deploying-host.js';

let host: DeployingHost;
let pushes: Pushes;
let to: string;
/** A host on which v1 is proven; the script of v2 waits until it may fail. */
beforeEach(async () => {
  host = await DeployingHost.make(['v1', 'v2', 'v3']);
  to = `${host.dir}/www/shop`;
  const isBad = '[ "$(cat "$NEWROOT/version")" = v2 ]';
  const script = host.hook(
    'script',
    'cat "$NEWROOT/version"; echo',
    `if ${isBad}; then while [ ! -e '${host.at('fail')}' ]; do sleep 0.02; done; exit 1; fi`,
  );
  const destination = {
    ...{ to, strategy: 'release' as const, excludes: [], excludeFrom: undefined, destMode: 0o755 },
  };
  await host.set({ script, destination, rollback: true });
  pushes = new Pushes();
  host.context = { ...host.context, wishes: pushes };
  expect(await host.look('v1')).toMatchObject({ kind: 'deployed' });
  host.seen();
});

/** As another process. @returns to release it. */
async function hold(): Promise<() => void> {
  const claim = { to, strategy: 'release' as const, owner: { name: 'project', dir: host.dir } };
  const signal = new AbortController().signal;
  return await lockDestination({ ...claim, waits: false, timers: systemTimers, signal, log: () => {} });
}

const report = () =>
  presentReport({
    ...{ config: 'project', journal: host.context.ledger.journal, lastGood: host.config('v1') },
    ...{ wanted: undefined, paused: false, facts: host.context.facts },
  });
const waiting = () => `waiting: process ${process.pid} is deploying to ${to}`;
const live = () => readlinkSync(host.at('current')).slice(-64);

async function whileHeld(version: string) {
  const release = await hold();
  const looked = host.look(version);
  await until('the wait', () => host.context.facts.waiting !== undefined);
  return { looked, release };
}

describe('while another process deploys to the destination', () => {
  it('nothing is switched, and the report says what is waited for', async () => {
    const { looked, release } = await whileHeld('v3');
    expect(report()).toMatchObject({ state: 'staged', error: { kind: 'locked', message: waiting() } });
    expect(live()).toBe(host.config('v1').hash);
    release();
    expect(await looked).toMatchObject({ kind: 'deployed' });
    expect(report().error).toBeUndefined();
    expect(readFileSync(`${to}/version`, 'utf8')).toBe('v3');
  });

  it('the deployment can be cancelled', async () => {
    const { looked, release } = await whileHeld('v3');
    expect(cancelAttempt(host.context, pushes, 'ops')).toBe('cancelled before anything was switched');
    expect(await looked).toMatchObject({ message: 'cancelled by ops' });
    expect([host.step, live(), host.seen()]).toEqual(['failed', host.config('v1').hash, []]);
    release();
    expect(await host.look('v1')).toMatchObject({ kind: 'current' });
  });

  it('a newer wish ends the deployment', async () => {
    const { looked, release } = await whileHeld('v3');
    pushes.announce(host.config('v1').hash);
    expect(await looked).toMatchObject({ kind: 'conflict', by: host.config('v1').hash });
    expect([host.step, host.context.ledger.journal.hold, host.seen()]).toEqual(['pending', undefined, []]);
    release();
  });
});

/** v2 has failed, and another process deploys to the destination before v1 is back. */
async function rollingBack() {
  const looked = host.look('v2');
  await until(
    'the script',
    () => existsSync(`${to}/version`) && readFileSync(host.at('seen'), 'utf8') !== '',
  );
  const release = await hold();
  writeFileSync(host.at('fail'), '');
  await until('the wait', () => host.context.facts.waiting !== undefined);
  const message = expect.stringMatching(new RegExp(`; ${waiting()}$`));
  expect(report()).toMatchObject({ state: 'rolling-back', error: { kind: 'script', message } });
  expect(live()).toBe(host.config('v2').hash);
  return { looked, release };
}

describe('while another process deploys to the destination, a rollback', () => {
  it('waits, also where what it leads to is wanted meanwhile', async () => {
    const { looked, release } = await rollingBack();
    pushes.announce(host.config('v1').hash);
    pushes.announce(host.config('v2').hash);
    release();
    await looked;
    expect([host.step, live()]).toEqual(['rolled-back', host.config('v1').hash]);
  });

  it('is left to a third release', async () => {
    const { looked, release } = await rollingBack();
    pushes.announce(host.config('v3').hash);
    const postponed = expect.stringContaining('another release is wanted');
    expect(await looked).toMatchObject({ kind: 'locked', message: postponed });
    release();
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    expect(live()).toBe(host.config('v3').hash);
  });
});

it('a destination is free again after a deployment whose journal cannot be written', async () => {
  const { ledger } = host.context;
  const { step } = ledger;
  ledger.step = (event, facts) => {
    if (event === 'activate') throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
    step.call(ledger, event, facts);
  };
  expect(await host.look('v3')).toMatchObject({ kind: 'no-space' });
  (await hold())();
});
