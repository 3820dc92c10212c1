import { resumeAttempt } from '@deploy-tools/agent/deploy/resume-attempt.js';
import { type Cancelled, Superseded } from '@deploy-tools/agent/deploy/wishes.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { BACK_TO_1, type Happens, PlayedSite, provenSite, revision, stepsForward } from './played-host.js';

const BROKEN = new DeployError('script', 'it is broken');
const SICK = new DeployError('unhealthy', 'it is sick');
const FULL = new DeployError('no-space', 'the disk is full');

describe('an attempt', () => {
  it('runs the hooks, the script, the program and the checks in order, and is proven', async () => {
    const site = await provenSite();
    expect(await site.deploy(2)).toEqual({
      kind: 'deployed',
      error: undefined,
      ran: stepsForward(2),
      step: 'healthy',
      live: '2 proven',
      lastGood: 2,
      hold: undefined,
    });
    expect(await site.deploy(2)).toMatchObject({ kind: 'current', ran: [] });
  });

  it.each([
    ['pre', 'pending'],
    ['prepare', 'pending'],
    ['script', 'pending'],
  ])('that the %s vetoes waits, and what was live stays so', async (hook, step) => {
    const site = await provenSite();
    const after = await site.deploy(2, { [`${hook} 2`]: 'vetoed' });
    expect(after).toMatchObject({ kind: 'waiting', step, live: '1 proven', lastGood: 1, hold: '2 vetoed' });
    expect(after.ran.at(-1)).toBe(`${hook} 2`);
    expect(await site.deploy(2)).toMatchObject({ kind: 'deployed', live: '2 proven' });
  });

  it.each(['pre', 'prepare'])(
    'whose %s hook fails touches nothing, and is tried again later',
    async (hook) => {
      const site = await provenSite();
      const after = await site.deploy(2, { [`${hook} 2`]: BROKEN });
      expect(after).toMatchObject({
        kind: 'failed',
        error: BROKEN.message,
        step: 'failed',
        live: '1 proven',
      });
      expect(after).toMatchObject({ hold: '2 rejected' });
      expect(after.ran.at(-1)).toBe('failure 2');
    },
  );

  it('whose release cannot be fetched fails, but is only interrupted where the connection is lost', async () => {
    const site = await provenSite();
    site.onMake = () => {
      throw FULL;
    };
    expect(await site.deploy(2)).toMatchObject({ kind: 'failed', step: 'failed', live: '1 proven' });
    site.onMake = () => {
      throw new DeployError('connect', 'the line is cut');
    };
    expect(await site.deploy(3)).toMatchObject({ kind: 'interrupted', step: 'pending', hold: '2 rejected' });
  });

  it.each<[string, Happens]>([
    ['whose script fails', { 'script 2': BROKEN }],
    ['whose program does not take over', { 'switch 2': SICK }],
    ['whose checks fail', { 'prove 2': SICK }],
    ['whose validate hook fails', { 'validate 2': BROKEN }],
    ['whose validate hook vetoes what is live already', { 'validate 2': 'vetoed' }],
  ])('%s is rolled back, and held for good', async (_, happens) => {
    const site = await provenSite();
    const after = await site.deploy(2, happens);
    expect(after).toMatchObject({ kind: 'rolled-back', step: 'rolled-back', live: '1 proven', lastGood: 1 });
    expect(after.hold).toBe('2 rejected for good');
    expect(after.ran.slice(-5)).toEqual([...BACK_TO_1, 'failure 2']);
    expect(await site.deploy(2)).toMatchObject({ kind: 'failed', ran: [] });
  });

  it('of a program that has crashed since its activation gives it no other chance', async () => {
    const site = await provenSite();
    const crash = () => site.host.died.abort(SICK);
    const after = await site.deploy(2, {
      'switch 2': crash,
      'switch 1 rollback': () => {
        site.host.died = new AbortController();
      },
    });
    expect(after).toMatchObject({ kind: 'rolled-back', error: SICK.message });
    expect(after.ran).not.toContain('prove 2');
  });

  it.each<[string, Happens]>([
    ['hook', { 'rollback 1 rollback': BROKEN }],
    ['script', { 'script 1 rollback': BROKEN }],
    ['script, by a veto,', { 'script 1 rollback': 'vetoed' }],
    ['program', { 'switch 1 rollback': SICK }],
    ['checks', { 'prove 1 rollback': SICK }],
  ])(
    'whose rollback fails by its %s leaves the host inconsistent, and nothing is tried again',
    async (_, happens) => {
      const site = await provenSite();
      const after = await site.deploy(2, { 'prove 2': SICK, ...happens });
      expect(after).toMatchObject({
        kind: 'inconsistent',
        step: 'inconsistent',
        live: '2 unknown',
        lastGood: 1,
      });
      expect(after.ran.at(-1)).toBe('failure 2');
      expect(await site.deploy(2)).toMatchObject({ kind: 'failed', ran: [], step: 'inconsistent' });
      expect(await site.deploy(3)).toMatchObject({ kind: 'deployed', live: '3 proven' });
    },
  );

  it('whose rollback meets a full disk is rolled back later', async () => {
    const site = await provenSite();
    const after = await site.deploy(2, { 'prove 2': SICK, 'switch 1 rollback': FULL });
    expect(after).toMatchObject({ kind: 'interrupted', step: 'rolling-back' });
    expect(after.error).toMatch(/it is sick; the rollback failed for now: the disk is full/);
    expect(await site.deploy(2)).toMatchObject({ kind: 'waiting', ran: [] });
    site.host.happens = {};
    const resumed = await resumeAttempt(site.context, site.upstream, { isImpatient: true });
    expect(resumed).toMatchObject({ kind: 'rolled-back' });
    expect(site.state).toMatchObject({ step: 'rolled-back', live: '1 proven' });
  });

  it('on a new host, or without -rollback, has nothing to be rolled back to', async () => {
    const site = await PlayedSite.make();
    expect(await site.deploy(1, { 'prove 1': SICK })).toMatchObject({ kind: 'failed', live: '1 activated' });
    const stays = await provenSite({ rollback: false });
    const after = await stays.deploy(2, { 'prove 2': SICK });
    expect(after).toMatchObject({ kind: 'failed', live: '2 activated', lastGood: 1 });
    expect(after.hold).toBe('2 rejected for good');
  });

  it('whose script fails without -rollback is tried again later, as the Go agent does', async () => {
    const site = await provenSite({ rollback: false });
    const after = await site.deploy(2, { 'script 2': BROKEN });
    expect(after).toMatchObject({ kind: 'failed', live: '2 activating', hold: '2 rejected' });
  });

  it.each(['post', 'success'])('whose %s hook fails has succeeded all the same', async (hook) => {
    const site = await provenSite();
    expect(await site.deploy(2, { [`${hook} 2`]: BROKEN })).toMatchObject({ kind: 'deployed', lastGood: 2 });
  });
});

describe('an attempt that is called off', () => {
  const wants = (site: PlayedSite, number: number) => () => site.pushes.announce(revision(number).hash);
  const cancel = (site: PlayedSite) => () => void site.pushes.cancel('ops');

  it('by another wish before its activation leaves no trace', async () => {
    const site = await provenSite();
    const after = await site.deploy(2, { 'prepare 2': wants(site, 3) });
    expect(after).toMatchObject({ kind: 'interrupted', step: 'pending', live: '1 proven', hold: undefined });
    expect(after.ran).toEqual(['pre 2', 'prepare 2']);
  });

  it('by a wish for what ran before is rolled back, and by one for a third release is left for that', async () => {
    const site = await provenSite();
    const back = await site.deploy(2, { 'script 2': wants(site, 1) });
    expect(back).toMatchObject({ kind: 'rolled-back', live: '1 proven', hold: undefined });
    site.pushes.announce(revision(3).hash);
    const on = await site.deploy(3, { 'script 3': wants(site, 4) });
    expect(on).toMatchObject({ kind: 'failed', live: '3 activated', hold: undefined });
    expect(on.error).toBe(new Superseded('').message);
    expect(await site.deploy(4)).toMatchObject({ kind: 'deployed', live: '4 proven' });
  });

  it('by an operator is held, and rolled back also without -rollback', async () => {
    const site = await provenSite({ rollback: false });
    const after = await site.deploy(2, { 'script 2': cancel(site) });
    expect(after).toMatchObject({ kind: 'rolled-back', live: '1 proven', hold: '2 rejected for good' });
    expect(after.error).toBe('cancelled by ops' satisfies Cancelled['message']);
    const before = await site.deploy(3, { 'pre 3': cancel(site) });
    expect(before).toMatchObject({ kind: 'failed', live: '1 proven', hold: '3 rejected for good' });
  });
});
