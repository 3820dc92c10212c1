import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeManifestRoot } from '@deploy-tools/shared/layers/manifest-root.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RawEntry, tarOf } from '../../packages/shared/test/archive/tar-builder.js';
import { type Archive, addVersion, archiveOf, makeArchive, makeBlob, upload } from '../support/archive.js';
import { command } from '../support/configuration.js';
import { fileScope, testScope } from '../support/scope.js';
import { startWorld, type World } from '../support/world.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

interface ConfigJson {
  readonly Hash: string;
  readonly Revision: number;
  readonly Layers: readonly { readonly Name: string; readonly Manifest?: string }[];
}

/** As an agent reads it. */
async function readConfig(world: World, name: string): Promise<ConfigJson> {
  return JSON.parse((await fetch(world, `configs/${name}.json`)).toString()) as ConfigJson;
}

async function fetch(world: World, path: string): Promise<Buffer> {
  const local = join(world.root, 'fetched');
  const got = await world.agent.sftp(`get ${path} ${local}\n`);
  if (got.status !== 0) throw new Error(got.stderr);
  return readFileSync(local);
}

/** Files of a directory in the registry's own. */
const stored = (world: World, place: string) => readdirSync(join(world.registry.site.dir, place)).sort();

describe('manifests and packs', () => {
  const scope = fileScope();
  let world: World;
  let code: Archive;
  let config: Archive;

  beforeAll(async () => {
    world = await startWorld(scope);
    code = await makeArchive(scope, world.root, 'code', { 'app.js': 'x'.repeat(5000), 'lib.js': 'y' });
    config = await makeArchive(scope, world.root, 'config', { 'app.conf': 'z' });
    await addVersion(world.operator, code, 'code', 'v1');
    await addVersion(world.operator, config, 'config', 'v1');
    await command(world.operator, 'addconf project1 code:v1 config:v1');
  });

  it('are named by the configuration, each by its SHA-256, from the root to the pack', async () => {
    const { Layers } = await readConfig(world, 'project1');
    for (const [index, archive] of [code, config].entries()) {
      const digest = Layers[index]?.Manifest ?? '';
      const bytes = await fetch(world, `manifests/${digest}`);
      expect(sha256(bytes)).toBe(digest);
      const root = decodeManifestRoot(bytes);
      expect(root.archive).toEqual({ hash: archive.hash, size: archive.size });
      const pack = await fetch(world, `/packs/${root.pack.hash}`);
      expect({ hash: sha256(pack), size: pack.length }).toEqual(root.pack);
    }
  });

  it('are listed with their sizes, and nobody can write there', async () => {
    const listed = (await world.agent.sftp('ls -l manifests\nls -l packs\n')).stdout;
    expect(listed.match(/^-r--r--r-- .* [0-9a-f]{64}$/gm)).toHaveLength(4);
    for (const line of [
      `put ${code.path} manifests/${'0'.repeat(64)}`,
      `rm packs/${stored(world, 'packs')[0]}`,
      'get manifests/../host_key',
      `get packs/${'0'.repeat(64)}`,
      'ls -l drafts',
    ]) {
      expect((await world.agent.sftp(`${line}\n`)).status, line).toBe(1);
    }
  });

  it('are not for operators', async () => {
    expect((await world.operator.sftp('ls manifests\n')).status).toBe(1);
  });

  it('are the same for the same archive, whatever it is called', async () => {
    const before = stored(world, 'packs');
    await addVersion(world.operator, code, 'code', 'v2');
    await addVersion(world.operator, code, 'other', 'v1');
    expect(stored(world, 'packs')).toEqual(before);
  });
});

describe('an addver of what agents would refuse', () => {
  const scope = fileScope();
  let world: World;

  beforeAll(async () => {
    world = await startWorld(scope, ['-max-entries', '3', '-max-unpacked', '100MB']);
  });

  const tar = (name: string, entries: readonly RawEntry[]) =>
    makeBlob(join(world.root, name), tarOf(entries));
  const truncated = async () => {
    const whole = await makeArchive(scope, world.root, 'whole', { f: 'content' });
    return makeBlob(join(world.root, 'cut'), readFileSync(whole.path).subarray(0, whole.size - 20));
  };

  it.each<[string, () => Archive | Promise<Archive>, RegExp]>([
    [
      'no archive',
      () => makeBlob(join(world.root, 'text'), Buffer.from('hello')),
      /not a tar, tar.gz or tar.zst/,
    ],
    ['an empty file', () => makeBlob(join(world.root, 'empty'), Buffer.alloc(0)), /the archive is empty/],
    ['one that is cut off', truncated, /the gzip data ends early/],
    ['a path outside', () => tar('dots', [{ name: '../evil', content: 'x' }]), /"?\.\.\/evil"? is refused/],
    [
      'a file through a symlink',
      () =>
        tar('through', [
          { name: 'link', flag: '2', linkName: '/etc' },
          { name: 'link/passwd', content: 'x' },
        ]),
      /link\/passwd"? is refused/,
    ],
    [
      'too many entries',
      () =>
        tar(
          'many',
          ['a', 'b', 'c', 'd'].map((name) => ({ name })),
        ),
      /limit on entries, 3/,
    ],
  ])('%s: fails with the reason, and nothing is added', async (_what, make, reason) => {
    const archive = await make();
    await upload(world.operator, archive);
    const refused = await world.operator.exec(`addver code:v1 ${archive.hash}`);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(reason);
    expect(await command(world.operator, 'components')).toBe('');
    for (const place of ['files', 'manifests', 'packs']) expect(stored(world, place)).toEqual([]);
  });

  it('but not of what some agents are allowed to take', async () => {
    const archive = tar('special', [
      { name: 'fifo', flag: '6' },
      { name: 'outside', flag: '2', linkName: '/etc/passwd' },
      { name: 'setuid', mode: 0o4755, content: 'x' },
    ]);
    await addVersion(world.operator, archive, 'special', 'v1');
    expect(stored(world, 'manifests')).toHaveLength(1);
  });
});

it('with -unchecked any bytes are taken, without a manifest', async () => {
  const world = await startWorld(testScope(), ['-unchecked']);
  const hello = makeBlob(join(world.root, 'hello'), Buffer.from('hello'));
  await addVersion(world.operator, hello, 'code', 'v1');
  await command(world.operator, 'addconf p code:v1');
  expect((await readConfig(world, 'p')).Layers[0]).not.toHaveProperty('Manifest');
  expect((await fetch(world, `files/${hello.hash}`)).toString()).toBe('hello');
  expect((await world.operator.exec('fsck')).stdout).toContain('not indexable');
});

describe('versions from before there were manifests', () => {
  it('are indexed in the background; the configuration stays as it is', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const code = await makeArchive(scope, world.root, 'code', { 'app.js': 'one' });
    await addVersion(world.operator, code, 'code', 'v1');
    await command(world.operator, 'addconf p code:v1');
    const before = await readConfig(world, 'p');
    expect(await world.registry.stop()).toBe(0);
    for (const place of ['manifests', 'packs']) {
      rmSync(join(world.registry.site.dir, place), { recursive: true });
    }
    const next = await world.registry.restart();
    await next.log.line('archive indexed');
    expect(await readConfig(world, 'p')).toEqual(before);
    expect(stored(world, 'manifests')).toEqual([before.Layers[0]?.Manifest]);
    expect((await world.operator.exec('fsck')).status).toBe(0);
  });
});

describe('fsck', () => {
  it('exits 1 while something is wrong; -repair makes packs anew and names what is lost', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const [code, lost] = [
      await makeArchive(scope, world.root, 'code', { 'app.js': 'one' }),
      await makeArchive(scope, world.root, 'lost', { 'app.conf': 'two' }),
    ];
    await addVersion(world.operator, code, 'code', 'v1');
    await addVersion(world.operator, lost, 'config', 'v1');
    await command(world.operator, 'addconf p code:v1 config:v1');
    expect(await world.operator.exec('fsck')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^checked 2 archives .* no problem found\n$/),
    });
    const { dir } = world.registry.site;
    for (const pack of stored(world, 'packs')) writeFileSync(join(dir, 'packs', pack), 'damaged');
    rmSync(join(dir, 'files', lost.hash));
    const found = await world.operator.exec('fsck');
    expect(found.status).toBe(1);
    expect(found.stdout).toMatch(
      new RegExp(`^archive missing +${lost.hash} +config:v1 \\(in p\\) +-repair would `, 'm'),
    );
    expect(found.stdout.match(/^pack damaged /gm)).toHaveLength(2);
    expect(found.stdout).toMatch(/3 problems found\n$/);
    const repaired = await world.operator.exec('fsck -repair -json');
    expect(repaired.status).toBe(1);
    expect(JSON.parse(repaired.stdout)).toMatchObject({
      ok: false,
      findings: expect.arrayContaining([
        expect.objectContaining({ problem: 'archive missing', harm: 'lost', repaired: false }),
        expect.objectContaining({ problem: 'pack damaged', versions: ['code:v1'], repaired: true }),
      ]),
    });
    await upload(world.operator, lost);
    expect((await world.operator.exec('fsck -repair')).status).toBe(0);
    expect((await world.operator.exec('fsck')).stdout).toMatch(/no problem found\n$/);
    expect(archiveOf(join(dir, 'files', lost.hash)).hash).toBe(lost.hash);
  });
});
