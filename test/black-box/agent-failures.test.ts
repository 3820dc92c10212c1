import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AgentSite,
  agentOnce,
  deployedHash,
  makeAgentSite,
  startAgent,
  stopAgent,
} from '../support/agent-site.js';
import { type Archive, archiveOf } from '../support/archive.js';
import { addConfiguration, changeLayer, configurationHashOf } from '../support/configuration.js';
import { loseManifests } from '../support/lose-manifests.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { gnuTarTree, listTree, packTree, tar } from '../support/tree.js';
import { overOneConnection, startWorld, WITHOUT_MANIFESTS, type World } from '../support/world.js';

let world: World;
let one: Archive;
let two: Archive;

const scope = fileScope();
beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, WITHOUT_MANIFESTS)); // also what it would refuse otherwise reaches the agents
  one = await packTree(scope, world.root, 'one', { 'version.txt': 'one', 'a/b': 'b' });
  two = await packTree(scope, world.root, 'two', { 'version.txt': 'two', 'a/c': 'c' });
});

describe('a script that fails', () => {
  it('leaves state and old release as they were, is tried again later, and a new revision at once', async () => {
    await addConfiguration(world.operator, 'failing', { 'failing-code': one });
    const site = makeAgentSite(testScope());
    await agentOnce(world, site, 'failing');
    const state = readFileSync(site.state, 'utf8');
    const { NEWROOT: old = '' } = site.calls()[0]?.env ?? {};
    const tree = listTree(old);

    site.scriptDoes('echo out of luck >&2; echo "half started" > "$NEWROOT/started"; exit 7');
    await changeLayer(world.operator, 'failing', 'failing-code', 'v2', two);
    const first = startAgent(testScope(), world, site, 'failing');
    await first.log.line((line) => line.msg === 'out of luck' && line.stream === 'stderr');
    const failed = await first.log.line((line) => line.level === 50);
    expect(failed.msg).toBe(
      `the script ${site.script} failed with exit status 7 (its output is in the log above)`,
    );
    await first.log.line('failed before, waiting');
    expect(await stopAgent(first)).toBe(0);
    expect(readFileSync(site.state, 'utf8')).toBe(state);
    expect(listTree(old)).toEqual(tree);
    const { hold, attempt } = readJournal(site);
    expect(attempt.step).toBe('failed');
    expect(hold?.failures).toBe(1);
    expect(Date.parse(String(hold?.notBefore)) - Date.now()).toBeGreaterThan(30_000);

    const second = startAgent(testScope(), world, site, 'failing');
    const waiting = await second.log.line('failed before, waiting');
    expect(waiting).toMatchObject({ level: 30, retry: 'deploy-agent ctl retry' });
    expect(site.calls()).toHaveLength(2);
    site.scriptDoes('');
    const three = await packTree(testScope(), site.root, 'three', { 'version.txt': 'three' });
    await changeLayer(world.operator, 'failing', 'failing-code', 'v3', three);
    await second.log.line('deployed');
    expect(site.calls()[2]?.env.OLDROOT).toBe(old);
    expect(readJournal(site).hold).toBeUndefined();
  });

  it('finds what it started from the release when it is tried again', async () => {
    await addConfiguration(world.operator, 'again', { 'again-code': one });
    const site = makeAgentSite(
      testScope(),
      'if ! test -e "$NEWROOT/started"; then touch "$NEWROOT/started"; exit 1; fi',
    );
    expect((await agentOnce(world, site, 'again')).status).toBe(1);
    expect(readJournal(site).hold?.failures).toBe(1);
    expect((await agentOnce(world, site, 'again')).status).toBe(0);
    expect(site.calls()[1]?.env).toMatchObject({ OLDROOT: '', OLDID: '' });
  });
});

describe('a hostile archive', () => {
  it.each([
    ['climbs out of the release', 'climbs', climbingArchive, '../evil'],
    ['writes through a symlink', 'through', throughSymlinkArchive, 'link'],
  ])('that %s is refused, and the next good version deploys', async (_title, name, make, named) => {
    const outside = tempDir(testScope());
    const hostile = await make(testScope(), outside);
    await addConfiguration(world.operator, name, { [`${name}-code`]: hostile });
    const site = makeAgentSite(testScope());
    const refused = await agentOnce(world, site, name);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(new RegExp(`"msg":"layer ${name}-code:v1: .*${named}`));
    expect(site.calls()).toEqual([]);
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(site.dir).sort()).toEqual(['cache', 'journal.json', 'lock', 'unpacked']);
    expect(readdirSync(join(site.dir, 'unpacked'))).toEqual([]);
    await changeLayer(world.operator, name, `${name}-code`, 'v2', one);
    expect((await agentOnce(world, site, name)).status).toBe(0);
    expect(listTree(site.calls()[0]?.env.NEWROOT ?? '')).toEqual(await gnuTarTree(testScope(), [one]));
  });
});

describe('bytes on the disk that are damaged', () => {
  it('are fetched anew, without a failed attempt, when they are a part of a download', async () => {
    await addConfiguration(world.operator, 'part', { 'part-code': one });
    loseManifests(world);
    const site = makeAgentSite(testScope());
    mkdirSync(join(site.dir, 'cache'), { recursive: true });
    writeFileSync(join(site.dir, 'cache', `${one.hash}.part`), Buffer.alloc(100));
    const done = await agentOnce(world, site, 'part');
    expect(done.stderr).toContain('is damaged, fetching it anew');
    expect(done.status).toBe(0);
  });

  it('are fetched anew when they are longer than the archive', async () => {
    await addConfiguration(world.operator, 'longer', { 'longer-code': one });
    loseManifests(world);
    const site = makeAgentSite(testScope());
    mkdirSync(join(site.dir, 'cache'), { recursive: true });
    writeFileSync(
      join(site.dir, 'cache', `${one.hash}.part`),
      Buffer.concat([readFileSync(one.path), Buffer.from('x')]),
    );
    expect((await agentOnce(world, site, 'longer')).status).toBe(0);
  });

  it.each([
    ['cut short', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    ['other bytes', (whole: Buffer) => Buffer.alloc(whole.length, 'x')],
    ['another archive', () => readFileSync(two.path)],
  ])('are fetched anew when they are a cached archive: %s', async (title, damage) => {
    const name = title.replaceAll(' ', '-');
    await addConfiguration(world.operator, name, { [`${name}-code`]: one });
    loseManifests(world);
    const site = makeAgentSite(testScope());
    mkdirSync(join(site.dir, 'cache'), { recursive: true });
    writeFileSync(join(site.dir, 'cache', one.hash), damage(readFileSync(one.path)));
    const done = await agentOnce(world, site, name);
    expect(done.stderr).toContain('the cached archive is damaged, fetching it anew');
    expect(done.status).toBe(0);
    expect(listTree(site.calls()[0]?.env.NEWROOT ?? '')).toEqual(await gnuTarTree(testScope(), [one]));
  });

  it('stop everything, with a clear word, when they are the state', async () => {
    await addConfiguration(world.operator, 'state', { 'state-code': one });
    const site = makeAgentSite(testScope());
    writeFileSync(site.state, '{"Name": "state", "Ha');
    const done = await agentOnce(world, site, 'state');
    expect(done.status).toBe(1);
    expect(done.stderr).toContain(
      `the state file ${site.state} is damaged: the configuration is not valid JSON (correct it, or remove it`,
    );
    expect(site.calls()).toEqual([]);
    expect(readFileSync(site.state, 'utf8')).toBe('{"Name": "state", "Ha');
  });
});

const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

describe.skipIf(!canMount)(
  `a disk that is full${canMount ? '' : ' (skipped: needs root, to mount a small one)'}`,
  () => {
    it('is told; nothing is lost; the deployment succeeds when there is space', async () => {
      const big = await packTree(testScope(), world.root, 'big', {
        'big.bin': randomBytes(1_200_000).toString('latin1'),
      });
      await addConfiguration(world.operator, 'full', { 'full-code': one });
      const site = makeAgentSite(testScope());
      smallDisk(testScope(), site.dir, '6m');
      expect((await agentOnce(world, site, 'full')).status).toBe(0);
      const state = readFileSync(site.state, 'utf8');
      await changeLayer(world.operator, 'full', 'full-code', 'v2', big);
      loseManifests(world);

      const filler = join(site.dir, 'filler');
      writeFileSync(filler, Buffer.alloc(5_500_000));
      const noDownload = await agentOnce(world, site, 'full');
      expect(noDownload.stderr).toMatch(/takes .*, but \S+ has .* left/);
      writeFileSync(filler, Buffer.alloc(4_000_000));
      const noUnpack = await agentOnce(world, site, 'full');
      expect(noUnpack.stderr).toContain('no space left on the disk');
      for (const failed of [noDownload, noUnpack]) expect(failed.status).toBe(1);
      expect(readFileSync(site.state, 'utf8')).toBe(state);
      expect(listTree(site.calls()[0]?.env.NEWROOT ?? '')).toEqual(await gnuTarTree(testScope(), [one]));
      expect(readdirSync(join(site.dir, 'unpacked')).filter((name) => name.startsWith('.'))).toEqual([]);

      rmSync(filler);
      expect((await agentOnce(world, site, 'full')).status).toBe(0);
      expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, 'full'));
      expect(site.calls()).toHaveLength(2);
    });
  },
);

function smallDisk(scope: Scope, dir: string, size: string): void {
  mkdirSync(dir);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) throw new Error(mounted.stderr);
  scope.defer(() => void spawnSync('umount', ['-l', dir]));
}

async function climbingArchive(scope: Scope, outside: string): Promise<Archive> {
  const dir = tempDir(scope);
  writeFileSync(join(dir, 'evil'), 'evil');
  const climb = `${'../'.repeat(20)}${outside.slice(1)}/`;
  await tar('cPf', join(dir, 'x.tar'), '-C', dir, '--transform', `s,^,${climb},`, 'evil');
  await tar('rPf', join(dir, 'x.tar'), '-C', dir, '--transform', 's,^,../,', 'evil');
  return archiveOf(join(dir, 'x.tar'));
}

async function throughSymlinkArchive(scope: Scope, outside: string): Promise<Archive> {
  const dir = tempDir(scope);
  symlinkSync(outside, join(dir, 'link'));
  writeFileSync(join(dir, 'evil'), 'evil');
  await tar('cf', join(dir, 'x.tar'), '-C', dir, 'link');
  await tar('rf', join(dir, 'x.tar'), '-C', dir, '--transform', 's,^,link/,', 'evil');
  return archiveOf(join(dir, 'x.tar'));
}

function readJournal(site: AgentSite): {
  hold?: { failures: number; notBefore: string };
  attempt: { step: string };
} {
  return JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));
}
