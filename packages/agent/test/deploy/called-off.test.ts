import { DeployError } from '@deploy-tools/shared/errors.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext } from '../agent-context.js';
import { config, Host, packVersions } from './deploying-host.js';

beforeAll(packVersions);

describe('another wish', () => {
  it('drops a release that is not live yet: nothing has failed, and it may be wanted again', async () => {
    const host = await Host.make();
    host.onFetch = () => host.pushes.announce(config('v3').hash);
    expect(await host.look('v2')).toMatchObject({ kind: 'conflict', by: config('v3').hash });
    expect([host.attempt?.step, host.hold, host.seen]).toEqual(['pending', undefined, ['deploy v1']]);
    host.onFetch = () => {};
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    expect(host.seen).toEqual(['deploy v1', 'deploy v3']);
  });

  it('for what runs drops it, and the host is in sync', async () => {
    const host = await Host.make();
    host.onFetch = () => host.pushes.announce(config('v1').hash);
    await host.look('v2');
    expect(host.report('v1')).toMatchObject({ state: 'skipped', revision: 1, running: { revision: 1 } });
    expect(await host.look('v1')).toMatchObject({ kind: 'current' });
    expect(host.attempt).toBeUndefined();
    expect(host.report('v1')).toMatchObject({ state: 'skipped', revision: 1 });
    expect(() => host.cancel()).toThrow('nothing is being deployed');
    host.onFetch = () => {};
    host.pushes.announce(config('v3').hash);
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
  });

  it('for the last good release ends the checks, and the host rolls back to it', async () => {
    const host = await Host.make();
    const { looked } = await host.validating();
    host.pushes.announce(config('v1').hash);
    expect(await looked).toMatchObject({ kind: 'conflict' });
    expect([host.attempt?.step, host.hold]).toEqual(['rolled-back', undefined]);
    expect(await host.look('v1')).toMatchObject({ kind: 'current' });
    expect(host.seen).toEqual(['deploy v1', 'deploy v2', 'rollback v1']);
  });

  it('for yet another ends them too, once the script has ended, and the host goes straight on', async () => {
    const host = await Host.make();
    const { looked } = await host.activating();
    host.pushes.announce(config('v3').hash);
    host.goOn();
    expect(await looked).toMatchObject({ kind: 'conflict' });
    expect(host.hold).toBeUndefined();
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    expect(host.seen).toEqual(['deploy v1', 'deploy v2', 'deploy v3']);
  });

  it('is no reason not to take a release for good that its script alone proves', async () => {
    const host = await Host.make({ health: (await agentContext(tempDir(testScope()))).settings.health });
    const { looked } = await host.activating();
    host.pushes.announce(config('v3').hash);
    host.goOn();
    expect(await looked).toMatchObject({ kind: 'deployed' });
  });

  it('is asked for before what was cut off is gone on with', async () => {
    const host = await Host.make();
    await host.cutOff();
    expect(await host.resume('v1')).toMatchObject({ kind: 'conflict' });
    expect(host.attempt).toMatchObject({ step: 'rolled-back', config: { hash: config('v2').hash } });
    expect(host.seen.slice(-1)).toEqual(['rollback v1']);
    expect(host.seen.filter((line) => line === 'deploy v2')).toHaveLength(1);
  });
});

describe('who cancels', () => {
  it('before anything is switched leaves the host as it was; the revision is held until retry', async () => {
    const host = await Host.make();
    host.onFetch = () => expect(host.cancel()).toBe('cancelled before anything was switched');
    expect(await host.look('v2')).toMatchObject({ message: 'cancelled by ops' });
    expect(host.attempt).toMatchObject({ step: 'failed', error: { message: 'cancelled by ops' } });
    host.onFetch = () => {};
    expect(await host.look('v2')).toEqual({ kind: 'waiting', hash: config('v2').hash, ms: Infinity });
    expect(host.seen).toEqual(['deploy v1']);
    host.retry();
    await host.validating();
    expect(host.cancel()).toBe('cancelled, rolling back');
  });

  it('while the script runs has it end, then the host rolls back, also where failures do not lead back', async () => {
    const host = await Host.make({ rollback: false, retryLive: true });
    const { looked } = await host.activating();
    expect(host.cancel()).toBe('cancelled; this host rolls back as soon as a script that runs has ended');
    host.goOn();
    expect(await looked).toMatchObject({ message: 'cancelled by ops' });
    expect(host.attempt).toMatchObject({ step: 'rolled-back' });
    expect(host.hold).toEqual({ hash: config('v2').hash, revision: 2, why: 'rejected', failures: 1 });
    expect(host.seen).toEqual(['deploy v1', 'deploy v2', 'rollback v1']);
  });

  it('what failed, and waits to be tried again, has it held', async () => {
    const host = await Host.make();
    host.onFetch = () => {
      throw new DeployError('corrupt', 'the archive is damaged');
    };
    await host.look('v2');
    expect(host.cancel()).toMatch(/not tried again by itself any more$/);
    expect(host.hold).toEqual({ hash: config('v2').hash, revision: 2, why: 'rejected', failures: 1 });
    expect(await host.look('v2')).toMatchObject({ kind: 'waiting', ms: Infinity });
    expect(() => host.cancel()).toThrow('nothing is being deployed');
  });

  it('while nothing goes on is told so', async () => {
    const host = await Host.make();
    expect(() => host.cancel()).toThrow('nothing is being deployed');
  });

  it('what waits for its connection has it held at once', async () => {
    const host = await Host.make();
    host.onFetch = () => {
      throw new DeployError('connect', 'the connection was closed');
    };
    expect(await host.look('v2')).toMatchObject({ kind: 'connect' });
    expect(host.cancel()).toBe('cancelled before anything was switched');
    expect(host.attempt).toMatchObject({ step: 'failed', error: { message: 'cancelled by ops' } });
    expect(await host.look('v2')).toMatchObject({ kind: 'waiting', ms: Infinity });
  });
});
