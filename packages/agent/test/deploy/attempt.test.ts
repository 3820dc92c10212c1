import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Cancelled, Superseded } from '@deploy-tools/agent/deploy/called-off.js';
import { resumeAttempt } from '@deploy-tools/agent/deploy/resume-attempt.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { Killed, MortalLedger } from './mortal-ledger.js';
import { errorOf, type Happens, PlayedSite, revision } from './played-host.js';

const BROKEN = new DeployError('script', 'it is broken');
const SICK = new DeployError('unhealthy', 'it is sick');
const FULL = new DeployError('no-space', 'the disk is full');

/** Everything that runs for a release that gets healthy. */
const forward = (number: number) =>
  ['pre', 'prepare', 'script', 'switch', 'switch', 'prove', 'validate', 'post', 'success'].map(
    (step) => `${step} ${number}`,
  );
const BACK_TO_1 = ['rollback', 'script', 'switch', 'prove'].map((step) => `${step} 1 rollback`);

/** A host on which revision 1 is proven. */
async function proven(settings = {}): Promise<PlayedSite> {
  const site = await PlayedSite.make(settings);
  expect(await site.deploy(1)).toMatchObject({ kind: 'deployed', ran: forward(1) });
  return site;
}

describe('an attempt', () => {
  it('runs the hooks, the script, the program and the checks in order, and is proven', async () => {
    const site = await proven();
    expect(await site.deploy(2)).toEqual({
      kind: 'deployed',
      error: undefined,
      ran: forward(2),
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
    const site = await proven();
    const after = await site.deploy(2, { [`${hook} 2`]: 'vetoed' });
    expect(after).toMatchObject({ kind: 'waiting', step, live: '1 proven', lastGood: 1, hold: '2 vetoed' });
    expect(after.ran.at(-1)).toBe(`${hook} 2`);
    expect(await site.deploy(2)).toMatchObject({ kind: 'deployed', live: '2 proven' });
  });

  it.each(['pre', 'prepare'])(
    'whose %s hook fails touches nothing, and is tried again later',
    async (hook) => {
      const site = await proven();
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
    const site = await proven();
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
    const site = await proven();
    const after = await site.deploy(2, happens);
    expect(after).toMatchObject({ kind: 'rolled-back', step: 'rolled-back', live: '1 proven', lastGood: 1 });
    expect(after.hold).toBe('2 rejected for good');
    expect(after.ran.slice(-5)).toEqual([...BACK_TO_1, 'failure 2']);
    expect(await site.deploy(2)).toMatchObject({ kind: 'failed', ran: [] });
  });

  it('of a program that has crashed since its activation gives it no other chance', async () => {
    const site = await proven();
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
      const site = await proven();
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
    const site = await proven();
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
    const stays = await proven({ rollback: false });
    const after = await stays.deploy(2, { 'prove 2': SICK });
    expect(after).toMatchObject({ kind: 'failed', live: '2 activated', lastGood: 1 });
    expect(after.hold).toBe('2 rejected for good');
  });

  it('whose script fails without -rollback is tried again later, as the Go agent does', async () => {
    const site = await proven({ rollback: false });
    const after = await site.deploy(2, { 'script 2': BROKEN });
    expect(after).toMatchObject({ kind: 'failed', live: '2 activating', hold: '2 rejected' });
  });

  it.each(['post', 'success'])('whose %s hook fails has succeeded all the same', async (hook) => {
    const site = await proven();
    expect(await site.deploy(2, { [`${hook} 2`]: BROKEN })).toMatchObject({ kind: 'deployed', lastGood: 2 });
  });
});

describe('an attempt that is called off', () => {
  const wants = (site: PlayedSite, number: number) => () => site.pushes.announce(revision(number).hash);
  const cancel = (site: PlayedSite) => () => void site.pushes.cancel('ops');

  it('by another wish before its activation leaves no trace', async () => {
    const site = await proven();
    const after = await site.deploy(2, { 'prepare 2': wants(site, 3) });
    expect(after).toMatchObject({ kind: 'interrupted', step: 'pending', live: '1 proven', hold: undefined });
    expect(after.ran).toEqual(['pre 2', 'prepare 2']);
  });

  it('by a wish for what ran before is rolled back, and by one for a third release is left for that', async () => {
    const site = await proven();
    const back = await site.deploy(2, { 'script 2': wants(site, 1) });
    expect(back).toMatchObject({ kind: 'rolled-back', live: '1 proven', hold: undefined });
    site.pushes.announce(revision(3).hash);
    const on = await site.deploy(3, { 'script 3': wants(site, 4) });
    expect(on).toMatchObject({ kind: 'failed', live: '3 activated', hold: undefined });
    expect(on.error).toBe(new Superseded('').message);
    expect(await site.deploy(4)).toMatchObject({ kind: 'deployed', live: '4 proven' });
  });

  it('by an operator is held, and rolled back also without -rollback', async () => {
    const site = await proven({ rollback: false });
    const after = await site.deploy(2, { 'script 2': cancel(site) });
    expect(after).toMatchObject({ kind: 'rolled-back', live: '1 proven', hold: '2 rejected for good' });
    expect(after.error).toBe('cancelled by ops' satisfies Cancelled['message']);
    const before = await site.deploy(3, { 'pre 3': cancel(site) });
    expect(before).toMatchObject({ kind: 'failed', live: '1 proven', hold: '3 rejected for good' });
  });
});

describe('an agent that is killed', () => {
  const FAULTS: Readonly<Record<string, Happens>> = {
    'that is good': {},
    'whose script fails': { 'script 2': BROKEN },
    'whose checks fail': { 'prove 2': SICK },
    'that is vetoed': { 'script 2': 'vetoed' },
  };

  async function mortalSite(last: number, isAfter: boolean): Promise<PlayedSite> {
    const site = await proven();
    const options = {
      path: join(site.dir, 'journal.json'),
      attemptsPath: join(site.dir, 'attempts.json'),
      clock: () => new Date(),
      lastGood: () => revision(1),
    };
    await site.start({}, new MortalLedger(options, last, isAfter));
    return site;
  }

  /** Revision 2 is deployed, and the agent killed at a write of its journal. @returns undefined where it gets to its end. */
  async function killedAt(last: number, isAfter: boolean, happens: Happens) {
    const site = await mortalSite(last, isAfter);
    try {
      await site.deploy(2, happens);
      return undefined;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      return site;
    }
  }

  it.each(Object.entries(FAULTS))(
    'before or after any write of its journal, by a release %s: the next one ends it',
    async (_, happens) => {
      let kills = 0;
      for (const isAfter of [false, true])
        for (let last = 1; ; last += 1) {
          const site = await killedAt(last, isAfter, happens);
          if (site === undefined) break;
          kills += 1;
          await site.start();
          site.host.happens = happens;
          await resumeAttempt(site.context, site.upstream, { isImpatient: true });
          const after = await site.deploy(2, happens);
          const when = `write ${last}, ${isAfter ? 'after' : 'before'}`;
          const isGood = Object.keys(happens).length === 0;
          expect(after.live, when).toBe(isGood ? '2 proven' : '1 proven');
          expect(after.lastGood, when).toBe(isGood ? 2 : 1);
          expect(await site.deploy(3), when).toMatchObject({ kind: 'deployed', live: '3 proven' });
        }
      expect(kills).toBeGreaterThan(8);
    },
  );
});

describe('what was cut off', () => {
  /** The agent was killed while revision 2 was at that step. */
  async function cutOffAt(step: 'activate' | 'validate'): Promise<PlayedSite> {
    const site = await proven();
    const { ledger, paths } = site.context;
    await site.deploy(2, { 'pre 2': 'vetoed' });
    ledger.retry();
    ledger.begin(revision(2), revision(1));
    for (const event of ['fetch', 'stage', 'activate'] as const)
      ledger.step(event, event === 'activate' ? { unpackedIn: '' } : {});
    if (step === 'validate') ledger.step('validate', { activated: true });
    await site.upstream.make(site.context.releases, { config: revision(2), before: undefined });
    expect(readdirSync(paths.unpacked)).toContain(revision(2).hash);
    site.host.ran.length = 0;
    return site;
  }

  it('at its validation is proven anew, and its script is not run again', async () => {
    const site = await cutOffAt('validate');
    expect(await resumeAttempt(site.context, site.upstream)).toMatchObject({ kind: 'deployed' });
    expect(site.host.ran).toEqual(['switch 2', 'prove 2', 'validate 2', 'post 2', 'success 2']);
  });

  it('at its activation is activated again', async () => {
    const site = await cutOffAt('activate');
    expect(await resumeAttempt(site.context, site.upstream)).toMatchObject({ kind: 'deployed' });
    expect(site.host.ran[0]).toBe('script 2');
  });

  it('is not gone on with where another release is wanted by now, or it was cancelled', async () => {
    const site = await cutOffAt('validate');
    const wanted = revision(1).hash;
    const result = await resumeAttempt(site.context, site.upstream, { wanted });
    expect([result?.kind, errorOf(result)]).toEqual(['rolled-back', new Superseded('').message]);
    const other = await cutOffAt('validate');
    other.context.ledger.cancel('ops');
    expect(errorOf(await resumeAttempt(other.context, other.upstream))).toBe('cancelled by ops');
    expect(other.state).toMatchObject({ live: '1 proven', hold: '2 rejected for good' });
  });

  it('is rolled back where its directory is gone', async () => {
    const site = await cutOffAt('validate');
    rmSync(join(site.context.paths.unpacked, revision(2).hash), { recursive: true });
    const result = await resumeAttempt(site.context, site.upstream);
    expect(errorOf(result)).toMatch(/the release [0-9a-f]+ is not in .* any more/);
    expect(site.state).toMatchObject({ step: 'rolled-back', live: '1 proven' });
  });

  it('by hand is finished first, whatever is wanted', async () => {
    const site = await proven();
    await site.deploy(2);
    site.context.ledger.rollBack({ from: revision(2), to: revision(1), by: 'ops' });
    await site.start();
    site.host.ran.length = 0;
    expect(await resumeAttempt(site.context, site.upstream)).toBeUndefined();
    expect(site.host.ran).toEqual(BACK_TO_1);
    expect(site.state).toMatchObject({
      step: 'rolled-back',
      live: '1 proven',
      lastGood: 1,
      hold: '2 withdrawn for good',
    });
  });
});
