import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { resumeAttempt } from '@deploy-tools/agent/deploy/resume-attempt.js';
import { Superseded } from '@deploy-tools/agent/deploy/wishes.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { Killed, MortalLedger } from './mortal-ledger.js';
import { BACK_TO_1, errorOf, type Happens, type PlayedSite, provenSite, revision } from './played-host.js';

const BROKEN = new DeployError('script', 'it is broken');
const SICK = new DeployError('unhealthy', 'it is sick');

describe('an agent that is killed', () => {
  const FAULTS: Readonly<Record<string, Happens>> = {
    'that is good': {},
    'whose script fails': { 'script 2': BROKEN },
    'whose checks fail': { 'prove 2': SICK },
    'that is vetoed': { 'script 2': 'vetoed' },
  };

  async function mortalSite(last: number, isAfter: boolean): Promise<PlayedSite> {
    const site = await provenSite();
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
    const site = await provenSite();
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

  it('is not resumed where another release is wanted by now, or it was cancelled', async () => {
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
    const site = await provenSite();
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
