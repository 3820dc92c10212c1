import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  addImage,
  addIndex,
  blobStore,
  classicImage,
  dockerImage,
  type MadeEntry,
  makeTar,
  ociArchive,
} from '../../../shared/test/image/make-image.js';
import { mergeLayers } from '../../../shared/test/image/merge-layers.js';
import { startFakeRegistry } from '../fake-registry.js';
import { binPath, runBin } from '../run-bin.js';
import { runBody } from '../run-body.js';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

async function setUp() {
  const registry = await startFakeRegistry();
  const spool = join(registry.home, 'tmp');
  mkdirSync(spool);
  const env = { ...registry.env, TMPDIR: spool };
  const run = (stdin: Buffer, ...args: string[]) =>
    runBin('deploy-from-docker', ['-key', registry.key.path, ...args], { env, stdin });
  const runHere = (stdin: Buffer, ...args: string[]) =>
    runBody('deploy-from-docker', ['-key', registry.key.path, ...args], { env, stdin });
  const merged = (name: string) =>
    mergeLayers(
      (registry.state.configurations.get(name) ?? []).map(
        (layer) => registry.state.files.get(registry.state.versions.get(layer) ?? '') ?? Buffer.alloc(0),
      ),
    );
  return { ...registry, env, spool, run, runHere, merged };
}

const LAYERS: readonly (readonly MadeEntry[])[] = [
  [{ path: 'app' }, { path: 'app/keep', content: 'keep' }, { path: 'app/gone', content: 'gone' }],
  [],
  [{ path: 'app' }, { path: 'app/.wh.gone', content: '' }, { path: 'app/new', content: 'new' }],
];
const TARS = LAYERS.map(makeTar);
const MERGED = { app: 'dir', 'app/keep': 'keep', 'app/new': 'new' };

const FIXTURE_TREE = {
  app: 'dir',
  'app/cache': 'dir',
  'app/cache/three': 'new\n',
  'app/conf': 'dir',
  'app/conf/site.conf': 'site\n',
  'app/link': '-> program.txt',
  'app/program.txt': 'v2 program\n',
};

describe('an image of skopeo', () => {
  test.each([
    ['app-docker-archive.tar', 'docker.io.example.app.1.0'],
    ['app-oci-archive.tar', 'example.app.1.0'],
  ])('%s becomes a configuration that merges to its tree', async (file, name) => {
    const { run, merged, spool, state } = await setUp();
    const ran = await run(fixture(file), '-quiet');
    expect(ran).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(merged(name)).toEqual(FIXTURE_TREE);
    expect(state.configurations.get(name)?.map((layer) => layer.split(':')[0])).toEqual([
      `${name}.l1`,
      `${name}.l2`,
      `${name}.l3`,
    ]);
    for (const [id, hash] of state.versions) expect(id.endsWith(`:${hash}`)).toBe(true);
    expect(readdirSync(spool)).toEqual([]);
  });
});

describe('an image', () => {
  const blobs = blobStore();
  const image = addImage(blobs, TARS, 'zstd');
  const named = { ...image.manifest, annotations: { 'org.opencontainers.image.ref.name': 'app:1' } };
  const attestation = {
    ...blobs.add(Buffer.from('{}'), 'application/vnd.oci.image.manifest.v1+json'),
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    platform: { os: 'unknown', architecture: 'unknown' },
  };
  const nested = {
    ...addIndex(blobs, [image.manifest, attestation]),
    annotations: { 'io.containerd.image.name': 'app:1' },
  };

  test.each([
    ['of old docker', classicImage(TARS)],
    ['of docker, plain layers', dockerImage(TARS)],
    ['of docker, gzip layers', dockerImage(TARS, 'gzip')],
    ['of docker, zstd layers', dockerImage(TARS, 'zstd')],
    ['in an OCI archive', ociArchive(blobs, [named])],
    ['in an index of an OCI archive, with an attestation', ociArchive(blobs, [nested])],
    ['that is compressed as a whole', gzipSync(classicImage(TARS))],
    ['with zeros behind', Buffer.concat([classicImage(TARS), Buffer.alloc(200_000)])],
  ])('%s always gives the same layers', async (_name, stdin) => {
    const { runHere, merged, state } = await setUp();
    expect(await runHere(stdin, '-quiet')).toMatchObject({ status: 0, stderr: '' });
    expect(merged('app.1')).toEqual(MERGED);
    expect([...state.versions.keys()]).toEqual([
      expect.stringMatching(/^app\.1\.l1:/),
      expect.stringMatching(/^app\.1\.l2:/),
      expect.stringMatching(/^app\.1\.l3:/),
    ]);
    const reference = await setUp();
    await reference.runHere(classicImage(TARS));
    expect([...state.versions]).toEqual([...reference.state.versions]);
  });

  test.each([
    ['nothing', Buffer.alloc(0), /archive is empty/],
    ['text', Buffer.from('hello'), /not a tar/],
    ['some tar', makeTar([{ path: 'file', content: 'x' }]), /not an image archive/],
    ['a cut image', dockerImage(TARS).subarray(0, 6000), /cut off/],
    [
      'two images',
      ociArchive(blobs, [named, { ...named, platform: { os: 'linux', architecture: 'arm64' } }]),
      /2 images: app:1, app:1 for linux\/arm64/,
    ],
    [
      'two images one behind the other',
      Buffer.concat([classicImage(TARS), classicImage(TARS)]),
      /more bytes after the image[\s\S]*one image at a time/,
    ],
    [
      'two compressed images one behind the other, with padding between',
      Buffer.concat([
        gzipSync(Buffer.concat([classicImage(TARS), Buffer.alloc(90_000)])),
        gzipSync(classicImage(TARS)),
      ]),
      /more bytes after the image/,
    ],
    ['no image', ociArchive(blobs, []), /no image/],
    ['a damaged manifest', makeTar([{ path: 'manifest.json', content: '[' }]), /not valid JSON/],
    [
      'a manifest of another shape',
      makeTar([{ path: 'manifest.json', content: '[{}]' }]),
      /Config of manifest.json in the image is missing/,
    ],
    ['an image without a tag', classicImage(TARS, null), /no tag[\s\S]*-name/],
    ['a file name that leads outside', makeTar([{ path: '../manifest.json', content: '[]' }]), /"\.\."/],
    [
      'a link that leads outside',
      makeTar([{ path: 'manifest.json', symlink: '../../etc/passwd' }]),
      /leads outside/,
    ],
    ['a link to itself', makeTar([{ path: 'manifest.json', symlink: 'manifest.json' }]), /link to itself/],
    [
      'one that no agent would unpack',
      classicImage([makeTar([{ path: 'f', content: '' }]), makeTar([{ path: 'f/x', content: '' }])]),
      /layer 2 of the image: entry "f\/x" is refused: .*"f"/,
    ],
    [
      'a layer entry that leads outside',
      classicImage([makeTar([{ path: '../x', content: '' }])]),
      /layer 1 of the image: .*"\.\."/,
    ],
  ])('that is %s is refused, and nothing is sent or left behind', async (_name, stdin, message) => {
    const { runHere, spool, server } = await setUp();
    const ran = await runHere(stdin);
    expect(ran).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(message) });
    expect(ran.stderr).not.toMatch(/\n\s+at /);
    expect(server.users).toEqual([]);
    expect(readdirSync(spool)).toEqual([]);
  });

  test('with a damaged blob is refused', async () => {
    const { runHere } = await setUp();
    const bytes = Buffer.from(dockerImage(TARS));
    const at = bytes.indexOf('keep', bytes.indexOf('app/keep') + 200);
    bytes.write('KEEP', at);
    const ran = await runHere(bytes);
    expect(ran).toMatchObject({ status: 1, stderr: expect.stringMatching(/is damaged/) });
  });

  test('with a damaged layer of the old layout is refused', async () => {
    const { runHere } = await setUp();
    const bytes = Buffer.from(classicImage(TARS));
    bytes.write('KEEP', bytes.indexOf('keep', bytes.indexOf('app/keep') + 200));
    const ran = await runHere(bytes);
    expect(ran).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/layer 1 of the image is damaged/),
    });
  });
});

describe('deploy-from-docker', () => {
  test('takes a name and further layers on top', async () => {
    const { run, state } = await setUp();
    for (const id of ['config:v1', 'secrets:v 2']) state.versions.set(id, '0'.repeat(64));
    const ran = await run(classicImage(TARS), '-name', 'prod', '-layer', 'config:v1', '-layer=secrets:v 2');
    expect(ran).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/configuration prod: 5 layers, 3 of them uploaded\n$/),
    });
    expect(state.configurations.get('prod')?.slice(3)).toEqual(['config:v1', 'secrets:v 2']);
  });

  test('uploads an unchanged layer only once', async () => {
    const { run, state } = await setUp();
    await run(classicImage(TARS));
    expect(state.uploads).toBe(3);
    expect(await run(classicImage(TARS))).toMatchObject({
      status: 0,
      stderr: 'configuration app.1: 3 layers, 0 of them uploaded\n',
    });
    const changed = makeTar([{ path: 'app' }, { path: 'app/new', content: 'newer' }]);
    await run(classicImage([...TARS.slice(0, 2), changed]), '-name', 'other');
    // The first layer differs: nothing removes "gone" from it any more.
    expect(state.uploads).toBe(5);
    expect(state.configurations.get('other')).toHaveLength(3);
  });

  test('-n says what it would add, without a connection', async () => {
    const { run, server } = await setUp();
    const ran = await run(classicImage(TARS), '-n');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(
      /^(addver -name=app\.1\.l\d -version=[0-9a-f]{64} \(\d+ B\)\n){3}addconf -name=app\.1 /,
    );
    expect(server.users).toEqual([]);
  });

  test('passes the refusal of the registry on', async () => {
    const { run, state } = await setUp();
    state.onWrite = () => state.versions.clear();
    state.configurations.set = () => {
      throw new Error('component "config" is frozen');
    };
    const ran = await run(classicImage(TARS), '-quiet');
    expect(ran).toEqual({
      status: 1,
      stdout: '',
      stderr: 'deploy-from-docker: the registry refuses configuration app.1: component "config" is frozen\n',
    });
  });

  test.each([
    [['-h'], 0, /^Usage: docker save/],
    [['-version'], 0, /^deploy-from-docker \d/],
  ])('%j prints and exits %d', async (args, status, expected) => {
    const { runHere } = await setUp();
    expect(await runHere(Buffer.alloc(0), ...args)).toMatchObject({
      status,
      stdout: expect.stringMatching(expected),
    });
  });

  test.each([
    ['a version that is not there', 'config:v9'],
    ['a component that is not there', 'other:v1'],
  ])('refuses %s on top before anything is uploaded', async (_what, layer) => {
    const { run, state } = await setUp();
    for (const id of ['secrets:v1', 'config:v1', 'config:x v9']) state.versions.set(id, '0'.repeat(64));
    const ran = await run(classicImage(TARS), '-layer', 'secrets:v1', '-layer', layer);
    const [component, version] = layer.split(':');
    expect(ran).toEqual({
      status: 1,
      stdout: '',
      stderr: `deploy-from-docker: the registry has no version "${version}" of component "${component}" (add it first, or correct -layer; nothing was uploaded)\n`,
    });
    expect([state.uploads, state.configurations.size]).toEqual([0, 0]);
  });

  test.each([
    [
      'too long a tag',
      classicImage(TARS, [`${'a'.repeat(199)}:1`]),
      [],
      /longer than 200 bytes \(give a name/,
    ],
    [
      'a component of its own on top',
      classicImage(TARS),
      ['-layer', 'app.1.l2:v1'],
      /"app\.1\.l2" would be in the configuration twice/,
    ],
  ])('refuses %s', async (_what, stdin, args, message) => {
    const { runHere, server } = await setUp();
    const ran = await runHere(stdin, ...args);
    expect(ran).toMatchObject({ status: 1, stderr: expect.stringMatching(message) });
    expect(server.users).toEqual([]);
  });

  test.each([
    [['-layer', 'x']],
    [['-layer', 'x:\u0007']],
    [['-layer', 'x:1', '-layer', 'x:2']],
    [['-n', '-name', 'a/b']],
    [['-name', 'a:b']],
    [['-name', 'n'.repeat(199)]],
    [['-name', '']],
    [['-nosuch']],
    [['word']],
  ])('%j is a usage error', async (args) => {
    const { runHere } = await setUp();
    expect(await runHere(Buffer.alloc(0), ...args)).toMatchObject({ status: 2, stdout: '' });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves nothing behind', async (signal) => {
    const { env, key, spool } = await setUp();
    const child = spawn(process.execPath, [binPath('deploy-from-docker'), '-key', key.path], {
      env,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    const image = classicImage([makeTar([{ path: 'big', content: Buffer.alloc(4_000_000) }])]);
    await new Promise((resolve) => child.stdin.write(image.subarray(0, 3_000_000), resolve));
    child.kill(signal);
    const [status] = await once(child, 'exit');
    expect(status).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(readdirSync(spool)).toEqual([]);
  });
});
