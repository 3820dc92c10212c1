import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { readWholeState } from '@deploy-tools/agent/deploy/state-file.js';
import { Superseded } from '@deploy-tools/agent/deploy/wishes.js';
import { followConfiguration } from '@deploy-tools/agent/follow/follow-configuration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, it } from 'vitest';
import { until } from '../../../../test/support/until.js';
import { PlayedSite, revision } from '../deploy/played-host.js';

it('goes on, and reports the trouble, when the journal cannot be written while a release is left unproven', async () => {
  const site = await PlayedSite.make();
  const own = join(site.dir, 'own');
  mkdirSync(own);
  const { state } = site.context.paths;
  const ledger = new Ledger({
    path: join(own, 'journal.json'),
    attemptsPath: join(own, 'attempts.json'),
    clock: () => new Date(),
    lastGood: () => readWholeState(state),
  });
  await site.start({}, ledger);
  await site.deploy(1);
  const left = await site.deploy(2, { 'script 2': () => site.pushes.announce(revision(3).hash) });
  expect(left).toMatchObject({ error: new Superseded('').message, live: '2 activated' });
  site.pushes.restart();
  site.wanted = revision(3);
  site.onMake = () => {
    if (existsSync(own)) renameSync(own, `${own}-gone`);
    throw new DeployError('no-space', 'the disk is full');
  };
  const stop = new AbortController();
  const troubles: (string | undefined)[] = [];
  const context = {
    ...site.context,
    signal: stop.signal,
    onTrouble: (error: DeployError | undefined) => void troubles.push(error?.message),
  };
  const { upstream, pushes } = site;
  const done = followConfiguration(context, { upstream, pushes, pollMs: 5, once: false, random: () => 0 });
  await until('it has polled again', () => troubles.length > 2);
  site.onMake = () => {};
  renameSync(`${own}-gone`, own);
  await until('it is proven', () => site.state.live === '3 proven');
  stop.abort();
  expect(await done).toBe(0);
});
