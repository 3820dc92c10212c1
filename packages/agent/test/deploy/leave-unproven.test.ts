import { writeFileSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../../test/support/until.js';
import { config, Host, packVersions } from './deploying-host.js';

beforeAll(packVersions);

/** A host on which v2 is live that was never proven: v3 was wanted meanwhile. */
async function unproven(settings: Parameters<typeof Host.make>[0] = {}): Promise<Host> {
  const host = await Host.make(settings);
  const { looked } = await host.validating();
  host.pushes.announce(config('v3').hash);
  await looked;
  expect(host.report('v3')).toMatchObject({ running: { revision: 2 }, state: 'pending' });
  return host;
}

/** As the script was told, and as everything tells of the host. */
function expectBack(host: Host): void {
  expect(host.seen.at(-1)).toBe('rollback v1');
  expect(host.report('v3')).toMatchObject({ running: { revision: 1 }, lastGood: { revision: 1 } });
  expect(host.live).toMatchObject({ config: { revision: 1 }, how: 'proven' });
}

describe('a release that was left unproven for another one', () => {
  it('is gone back from when that one fails before it is live; its backoff stays', async () => {
    const host = await unproven();
    host.onFetch = () => {
      throw new DeployError('corrupt', 'the archive is damaged');
    };
    expect(await host.look('v3')).toMatchObject({ kind: 'corrupt' });
    const { hold } = host;
    expect(hold).toMatchObject({ revision: 3, why: 'rejected', failures: 1 });
    await host.leave();
    expectBack(host);
    expect(host.hold).toEqual(hold);
    expect(host.report('v3')).toMatchObject({
      ...{ state: 'rolled-back', revision: 3, notBefore: hold?.notBefore },
      error: { message: 'the archive is damaged' },
    });
  });

  it('is gone back from when the host says not now to that one, which is asked about again', async () => {
    const host = await unproven();
    writeFileSync(host.at('pre'), '#!/bin/sh\necho busy; exit 75\n', { mode: 0o755 });
    await host.set({ hooks: { pre: host.at('pre') } });
    expect(await host.look('v3')).toMatchObject({ kind: 'waiting' });
    await host.leave();
    expectBack(host);
    expect(host.hold).toMatchObject({ revision: 3, why: 'vetoed' });
    await host.set({ hooks: {} });
    host.retry();
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    expect(host.seen.at(-1)).toBe('retry v3');
  });

  it('is gone back from when that one is cancelled, and held', async () => {
    const host = await unproven();
    host.onFetch = () => expect(host.cancel()).toBe('cancelled before anything was switched');
    await host.look('v3');
    await host.leave();
    expectBack(host);
    expect(await host.look('v3')).toMatchObject({ kind: 'waiting', ms: Infinity });
  });

  it('is gone back from when that one is held, and when the registry cannot be asked', async () => {
    const held = await Host.make();
    held.onFetch = () => void held.cancel();
    await held.look('v3');
    held.onFetch = () => {};
    const away = await Host.make();
    for (const host of [held, away]) {
      const { looked } = await host.validating();
      host.pushes.announce(config('v3').hash);
      await looked;
      if (host === held) expect(await host.look('v3')).toMatchObject({ kind: 'waiting' });
      await host.leave();
      expectBack(host);
      expect(host.attempt).toMatchObject({ step: 'rolled-back', config: { revision: 2 } });
    }
    expect(held.hold).toMatchObject({ revision: 3 });
    expect(away.hold).toBeUndefined();
  });

  it('is gone back from when the host is paused meanwhile, and deploys nothing then', async () => {
    const host = await unproven();
    host.pause();
    expect(await host.look('v3')).toMatchObject({ kind: 'waiting', ms: Infinity });
    await host.leave();
    expectBack(host);
    expect(await host.look('v3')).toMatchObject({ kind: 'waiting', ms: Infinity });
  });

  it('stays where failures do not lead back', async () => {
    const host = await unproven({ rollback: false });
    const { seen } = host;
    await host.leave();
    expect(host.seen).toEqual(seen);
  });

  it('gives way to that one where it comes, without a way back between', async () => {
    const host = await unproven();
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    await host.leave();
    expect(host.seen).toEqual(['deploy v1', 'deploy v2', 'deploy v3']);
  });

  it('is rolled back by hand too, and what is wanted instead is held then', async () => {
    const host = await unproven();
    host.rollBack('v3');
    expect(await host.resume('v3')).toBeUndefined();
    expectBack(host);
    expect(host.hold).toMatchObject({ revision: 3, why: 'withdrawn' });
    expect(await host.look('v3')).toMatchObject({ kind: 'waiting', ms: Infinity });
  });
});

describe('what somebody cancelled', () => {
  it('stays held when the host is then rolled back by hand, and nobody has heard what is wanted', async () => {
    const host = await Host.make();
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    host.onFetch = () => void host.cancel();
    await host.look('v2');
    host.rollBack();
    expect(await host.resume('v2')).toBeUndefined();
    expect(host.seen.at(-1)).toBe('rollback v1');
    expect(await host.look('v2')).toMatchObject({ kind: 'waiting', ms: Infinity });
  });

  it('stays held when the host is then rolled back by hand from what runs', async () => {
    const host = await Host.make();
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    host.onFetch = () => void host.cancel();
    await host.look('v2');
    host.onFetch = () => {};
    host.rollBack('v2');
    expect(await host.resume('v2')).toBeUndefined();
    expect(host.seen.at(-1)).toBe('rollback v1');
    expect(await host.look('v2')).toMatchObject({ kind: 'waiting', ms: Infinity });
    expect(host.hold).toMatchObject({ revision: 2, why: 'withdrawn' });
  });
});

describe('a way back', () => {
  it('that was gone and could not be noted in state.json is known: neither script nor checks run again', async () => {
    const host = await Host.make();
    await host.look('v3');
    host.rollBack('v3');
    const makeWritable = host.makeStateUnwritable();
    expect(await host.resume('v3')).toMatchObject({ hint: 'the agent retries it' });
    expect(host.attempt).toMatchObject({ step: 'rolling-back', postponed: { failures: 1 } });
    expect(host.live).toMatchObject({ config: { revision: 1 }, how: 'activated' });
    expect(host.report('v3')).toMatchObject({ state: 'rolling-back', running: { revision: 1 } });
    const { seen } = host;
    makeWritable();
    host.retry();
    await host.resume('v3');
    expectBack(host);
    expect(host.seen).toEqual(seen);
  });

  it('needs no state.json that holds already what is gone back to', async () => {
    const host = await Host.make();
    host.makeStateUnwritable();
    const { looked } = await host.validating();
    host.cancel();
    expect(await looked).toMatchObject({ message: 'cancelled by ops' });
    expectBack(host);
  });

  it('does not say that what is left runs while its script runs, and not after', async () => {
    const host = await Host.make();
    const { looked } = await host.validating();
    host.slowBack();
    host.cancel();
    await until('the script of the way back', () => host.seen.at(-1) === 'rollback v1');
    expect(host.report('v2')).toMatchObject({ state: 'rolling-back', lastGood: { revision: 1 } });
    expect(host.report('v2').running).toBeUndefined();
    expect(host.live).toMatchObject({ config: { revision: 1 }, how: 'activating' });
    host.goBackOn();
    await looked;
    expectBack(host);
  });

  it.each(['{"Name":"pro', undefined])(
    'leads to what was proven before where a release has made state.json %o',
    async (content) => {
      const host = await Host.make();
      const { looked } = await host.validating();
      host.spoilState(content);
      host.cancel();
      expect(await looked).toMatchObject({ message: 'cancelled by ops' });
      expectBack(host);
    },
  );
});

describe('who cancels what was cut off and is not gone on with yet', () => {
  it('is heard when that begins', async () => {
    const host = await Host.make();
    await host.cutOff();
    expect(host.cancel()).toMatch(/^cancelled; this host rolls back when it resumes/);
    expect(await host.resume('v2')).toMatchObject({ message: 'cancelled by ops' });
    expect(host.seen.filter((line) => line === 'deploy v2')).toHaveLength(1);
    expectBack(host);
  });

  it('is heard by the next agent, which runs no script for it', async () => {
    const host = await Host.make();
    await host.cutOff();
    host.cancel();
    await host.restart();
    expect(await host.resume('v2')).toMatchObject({ message: 'cancelled by ops' });
    expect(host.seen.filter((line) => line === 'deploy v2')).toHaveLength(1);
    expectBack(host);
    expect(host.hold).toMatchObject({ revision: 2, why: 'rejected' });
  });

  it('is heard by an agent after one that was killed before it could obey', async () => {
    const host = await Host.make();
    const { looked } = await host.activating();
    host.cancel();
    const journal = host.journalFile();
    host.goOn();
    await looked;
    host.becomes(journal);
    await host.restart();
    await host.resume('v2');
    expect(host.seen.filter((line) => line === 'deploy v2')).toHaveLength(1);
    expectBack(host);
  });

  it('before anything is live holds it too', async () => {
    const host = await Host.make();
    let journal = '';
    host.onFetch = () => {
      host.cancel();
      journal = host.journalFile();
    };
    await host.look('v2');
    host.becomes(journal);
    await host.restart();
    expect(await host.resume('v2')).toBeUndefined();
    expect(host.attempt).toMatchObject({ step: 'failed', error: { message: 'cancelled by ops' } });
    expect(await host.look('v2')).toMatchObject({ kind: 'waiting', ms: Infinity });
  });
});
