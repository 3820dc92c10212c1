import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { recover } from '@deploy-tools/agent/cycle.js';
import { checkPlace, placeRelease } from '@deploy-tools/agent/deploy/place-release.js';
import type { Destination } from '@deploy-tools/agent/sync/destination.js';
import { destinationPlace } from '@deploy-tools/agent/sync/destination-place.js';
import { lockDestination } from '@deploy-tools/agent/sync/lock-destination.js';
import { systemTimers } from '@deploy-tools/agent/timers.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { programsInPath } from '../../../../test/support/programs-in-path.js';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../test/support/tree.js';
import { agentContext } from '../agent-context.js';

let dir: string;
let to: string;
beforeEach(() => {
  dir = tempDir(testScope());
  to = join(dir, 'www', 'shop');
});

/** An agent in a directory of its own, with a release that says who made it. */
async function agentIn(name: string, dest: string = to, more: Partial<Destination> = {}) {
  const own = join(dir, name);
  const root = join(own, 'unpacked', name);
  makeTree(root, { who: name });
  const destination =
    dest === 'none'
      ? undefined
      : {
          ...{ to: dest, strategy: 'release' as const, excludes: [], excludeFrom: undefined },
          ...{ destMode: 0o755, ...more },
        };
  const context = await agentContext(own, { name, destination });
  const next = { id: name.padEnd(64, '0'), root };
  return {
    dir: own,
    place: () => placeRelease(context, next, 'forward'),
    back: (id: string) => placeRelease(context, { ...next, id }, 'back'),
    recover: () => recover(context),
    check: () => checkPlace(context, next),
  };
}

const whose = () => readFileSync(join(to, 'who'), 'utf8');
const lock = () => destinationPlace({ to, strategy: 'release' }).lock;

describe('a destination of another agent', () => {
  it('is refused, before anything is done and when it is synced', async () => {
    const [one, two] = [await agentIn('one'), await agentIn('two')];
    await one.place();
    const refused = {
      kind: 'conflict',
      message: `${to} is the destination of the configuration "one" in ${one.dir}`,
      hint: expect.stringContaining(`if that agent does not deploy to it any more, remove ${lock()}`),
    };
    expect(two.check).toThrow(expect.objectContaining(refused));
    await expect(two.place()).rejects.toMatchObject(refused);
    expect(whose()).toBe('one');
    await one.place();
  });

  it.each<[string, (one: Awaited<ReturnType<typeof agentIn>>) => unknown]>([
    ['syncs to another one', async () => await (await agentIn('one', join(dir, 'other'))).place()],
    ['has no destination', async () => await (await agentIn('one', 'none')).place()],
    ['is gone with its directory', (one) => rmSync(one.dir, { recursive: true })],
    ['is known to have left it', () => rmSync(lock())],
  ])('is taken over when that agent %s', async (_, leave) => {
    const [one, two] = [await agentIn('one'), await agentIn('two')];
    await one.place();
    await leave(one);
    two.check();
    await two.place();
    expect(whose()).toBe('two');
    if (existsSync(one.dir)) await expect((await agentIn('one')).place()).rejects.toThrow('"two"');
  });
});

it('waits while another process deploys there', async () => {
  const one = await agentIn('one');
  const signal = new AbortController().signal;
  const release = await lockDestination({
    ...{ dest: to, path: lock(), owner: undefined, waits: false, timers: systemTimers, signal },
    log: () => {},
  });
  const placed = one.place();
  await new Promise(setImmediate);
  expect(existsSync(to)).toBe(false);
  release();
  await placed;
  expect(whose()).toBe('one');
});

it('what an agent that was killed left beside a destination is removed at the next start', async () => {
  const one = await agentIn('one');
  makeTree(join(dir, 'www'), { '.shop.old-0123456789ab/who': '', '.shop.old-mine/who': '', 'shop2/x': '' });
  await one.recover();
  expect(readdirSync(join(dir, 'www')).sort()).toEqual(['.shop.deploy-lock', '.shop.old-mine', 'shop2']);
});

it('what has taken the name of a release that gave way is not removed', async () => {
  const one = await agentIn('one', to, { strategy: 'mv', excludes: ['x'] });
  const { PATH } = process.env;
  const rsync = (body: string) => programsInPath(testScope(), { rsync: `PATH='${PATH}'\n${body}`, sync: '' });
  rsync('');
  await one.place();
  makeTree(join(dir, 'www', 'other'), { file: 'mine' });
  rsync(`cd '${dir}/www'; old=$(echo .shop.old-*); mv $old gone; mv other $old`);
  await one.back('another');
  const [aside = ''] = readdirSync(join(dir, 'www')).filter((name) => name.startsWith('.shop.old-'));
  expect(readFileSync(join(dir, 'www', aside, 'file'), 'utf8')).toBe('mine');
});
