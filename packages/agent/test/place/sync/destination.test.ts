import { chmodSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { destinationPlace, freshBeside } from '@deploy-tools/agent/place/sync/destination-place.js';
import { lockDestination } from '@deploy-tools/agent/place/sync/lock-destination.js';
import { SYNC_STRATEGIES, type SyncStrategy } from '@deploy-tools/agent/place/sync/sync-request.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';
import { kindOfRejection } from '../../../../shared/test/support/kind-of.js';
import { instantTimers } from '../../instant-timers.js';

it('makes room beside a destination, and clears what was left there', async () => {
  const dest = join(tempDir(testScope()), 'srv', 'app');
  const place = destinationPlace({ to: dest, strategy: 'mv' });
  const left = await freshBeside(place);
  mkdirSync(left.at('closed'));
  writeFileSync(left.at('closed/file'), '');
  chmodSync(left.at('closed'), 0o500);
  const fresh = await freshBeside(place);
  const [name, ...others] = readdirSync(dirname(dest));
  expect([name, others]).toEqual([expect.stringMatching(/^\.app\.deploying-/), []]);
  expect(statSync(fresh.at('.')).mode & 0o777).toBe(0o700);
  writeFileSync(fresh.at('file'), '');
  renameSync(join(dirname(dest), name ?? ''), join(dirname(dest), 'stolen'));
  await Promise.all([fresh.remove(), left.remove()]);
  expect(readdirSync(join(dirname(dest), 'stolen'))).toEqual([]);
});

it('holds a destination for one at a time', async () => {
  const dest = join(tempDir(testScope()), 'app');
  const lines: string[] = [];
  const request = {
    to: dest,
    strategy: 'mv' as const,
    owner: undefined,
    waits: false,
    log: (line: string) => void lines.push(line),
  };
  const signal = new AbortController().signal;
  const release = await lockDestination({ ...request, timers: instantTimers(), signal });
  await expect(lockDestination({ ...request, timers: instantTimers(), signal })).rejects.toMatchObject({
    kind: 'locked',
    message: `process ${process.pid} is deploying to ${dest}`,
  });
  const timers = { ...instantTimers(), sleep: async () => release() };
  const next = await lockDestination({ ...request, waits: true, timers, signal });
  expect(lines).toEqual([`waiting: process ${process.pid} is deploying to ${dest}`]);
  const stop = AbortSignal.abort();
  const waiting = lockDestination({ ...request, waits: true, timers: instantTimers(), signal: stop });
  expect(await kindOfRejection(waiting)).toBe('cancelled');
  next();
});

it('has one lock, whatever a destination is called and however it is synced', () => {
  const dir = tempDir(testScope());
  makeTree(dir, { 'srv/x': '', link: { link: 'srv' }, app: { link: 'srv/app' } });
  mkdirSync(join(dir, 'srv/app'));
  const locksOf = (path: string, strategy: SyncStrategy) =>
    destinationPlace({ to: join(dir, path), strategy }).locks;
  const [plain, itself] = [join(dir, 'srv/.app.deploy-lock'), join(dir, '.app.deploy-lock')];
  for (const strategy of SYNC_STRATEGIES)
    expect([locksOf('srv/app', strategy), locksOf('link/app', strategy)]).toEqual([[plain], [plain]]);
  expect(locksOf('app', 'rsync')).toEqual([itself, plain]);
  expect(locksOf('app', 'release')).toEqual([itself]);
});
