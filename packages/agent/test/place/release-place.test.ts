import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { recover } from '@deploy-tools/agent/deploy/resume-attempt.js';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import type { Way } from '@deploy-tools/agent/place/release-place.js';
import type { Destination } from '@deploy-tools/agent/place/sync/destination.js';
import { lockDestination } from '@deploy-tools/agent/place/sync/lock-destination.js';
import type { Root } from '@deploy-tools/agent/process/script/script-environment.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { programsInPath } from '../../../../test/support/programs-in-path.js';
import { describeWith } from '../../../../test/support/requires.js';
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
  const put = async (to: Root, way: Way) => {
    const { place, signal } = context;
    await place.put(to, { way, hold: await place.hold(signal), signal });
  };
  return {
    dir: own,
    place: () => put(next, 'forward'),
    back: (id: string) => put({ ...next, id }, 'back'),
    recover: () => recover(context),
    check: () => context.place.check(next),
  };
}

const whose = () => readFileSync(join(to, 'who'), 'utf8');
const lock = () => join(dir, 'www', '.shop.deploy-lock');

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

describe('destinations of two agents, one in the other,', () => {
  it.each<[string, string, Partial<Destination>, string, Partial<Destination>]>([
    ['in one another', 'shop', { strategy: 'mv' }, 'shop/inner', { strategy: 'release' }],
    ['in a release of the other', 'shop', {}, 'shop/inner', { strategy: 'mv' }],
    ['the releases of the other', 'shop', {}, 'shop.releases/own', { strategy: 'mv' }],
    ['around what is there', 'shop/a/b/inner', {}, 'shop', { strategy: 'rsync' }],
    ['around it through a symlink', 'shop/a/inner', {}, 'link', { strategy: 'rsync' }],
  ])('are refused: %s', async (_, outer, first, inner, second) => {
    programsInPath(testScope(), { rsync: 'exit 99', sync: '' });
    makeTree(dir, { 'www/link': { link: 'shop' } });
    const [toOne, toTwo] = [join(dir, 'www', outer), join(dir, 'www', inner)];
    const one = await agentIn('one', toOne, first);
    await one.place();
    const two = await agentIn('two', toTwo, second);
    await expect(two.place()).rejects.toMatchObject({
      kind: 'conflict',
      message: `${toTwo} and ${toOne} are one in the other, and the latter is the destination of the configuration "one" in ${one.dir}`,
      hint: expect.stringMatching(/^use another destination; .* remove .*\.deploy-lock$/),
    });
    await (await agentIn('one', join(dir, 'elsewhere'), { strategy: 'mv' })).place();
    const after = await two.place().catch(({ kind }: DeployError) => kind);
    expect(after).not.toBe('conflict');
  });

  it('are refused also where the outer one was left, and is wanted again', async () => {
    const outer = await agentIn('one');
    await outer.place();
    await (await agentIn('one', join(dir, 'elsewhere'))).place();
    await (await agentIn('two', join(dir, 'www/shop.releases/own'))).place();
    await expect(outer.place()).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('are not what a backup of a destination is, with its lock file', async () => {
    await (await agentIn('one')).place();
    cpSync(join(dir, 'www'), join(dir, 'backup', 'www'), { recursive: true, verbatimSymlinks: true });
    programsInPath(testScope(), { rsync: 'exit 0', sync: '' });
    await (await agentIn('two', join(dir, 'backup'), { strategy: 'rsync' })).place();
  });
});

describeWith(['rsync'], 'a destination of two agents that are to sync to it in two ways', () => {
  it.each<[Destination['strategy'], Destination['strategy']]>([
    ['release', 'rsync'],
    ['rsync', 'release'],
  ])('is refused: %s, then %s', async (first, second) => {
    const one = await agentIn('one', to, { strategy: first });
    await one.place();
    if (second === 'release') {
      renameSync(to, join(dir, 'real'));
      symlinkSync('../real', to);
      await one.place();
      rmSync(lock()); // as an agent of before had it, which locked only what the symlink leads to
    }
    const two = await agentIn('two', to, { strategy: second });
    const refused = {
      kind: 'conflict',
      message: `${to} is the destination of the configuration "one" in ${one.dir}`,
    };
    expect(two.check).toThrow(expect.objectContaining(refused));
    await expect(two.place()).rejects.toMatchObject(refused);
    expect(whose()).toBe('one');
    await one.place();
  });
});

it('exclude rules that are a symlink out of the release are refused before anything is done', async () => {
  programsInPath(testScope(), { rsync: 'exit 99' });
  const one = await agentIn('one', to, { strategy: 'rsync', excludeFrom: 'rules' });
  makeTree(dir, { hosts: '/who', 'one/unpacked/one/rules': { link: '../../../hosts' } });
  expect(one.check).toThrow(expect.objectContaining({ kind: 'unsafe' }));
});

it('waits while another process deploys there', async () => {
  const one = await agentIn('one');
  const signal = new AbortController().signal;
  const release = await lockDestination({
    ...{ to, strategy: 'release', owner: undefined, waits: false, timers: systemTimers, signal },
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

it('what has taken the name of a replaced release is not removed', async () => {
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
