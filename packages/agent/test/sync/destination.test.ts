import { chmodSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { destinationPlace, freshBeside } from '@deploy-tools/agent/sync/destination-place.js';
import { lockDestination } from '@deploy-tools/agent/sync/lock-destination.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../test/support/tree.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { instantTimers } from '../instant-timers.js';

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
  const { lock } = destinationPlace({ to: dest, strategy: 'mv' });
  const lines: string[] = [];
  const request = {
    dest,
    path: lock,
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

it('has one place, whatever a destination is called', () => {
  const dir = tempDir(testScope());
  makeTree(dir, { 'srv/x': '', link: { link: 'srv' }, app: { link: 'srv/app' } });
  mkdirSync(join(dir, 'srv/app'));
  const [plain, above, itself] = ['srv/app', 'link/app', 'app'].map((path) => join(dir, path));
  const lockOf = (to = '') => destinationPlace({ to, strategy: 'rsync' }).lock;
  expect(lockOf(above)).toBe(lockOf(plain));
  expect(lockOf(itself)).toBe(lockOf(plain));
  expect(destinationPlace({ to: itself ?? '', strategy: 'release' }).lock).not.toBe(lockOf(plain));
});
