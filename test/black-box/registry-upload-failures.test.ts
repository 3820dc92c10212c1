import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { upload } from '../support/archive.js';
import { openSsh } from '../support/open-ssh.js';
import { RawSftp } from '../support/raw-sftp.js';
import { testScope } from '../support/scope.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import {
  listUploads,
  partialUploads,
  randomArchive,
  randomBlob,
  storedUploads,
} from '../support/upload-files.js';
import { startWorld } from '../support/world.js';

const MIB = 1024 * 1024;

describe('uploads that do not succeed', () => {
  it('larger than -max-upload: the client says why, nothing is left', async () => {
    const world = await startWorld(testScope(), ['-max-upload', '1MB']);
    const put = await world.operator.sftp(`put ${randomBlob(world, 3 * MIB).path}\n`);
    expect(put.status).toBe(1);
    expect(put.stderr + put.stdout).toMatch(/larger than 1\.0 MB|Failure/);
    expect(storedUploads(world)).toEqual([]);
    const fits = randomBlob(world, MIB);
    await upload(world.operator, fits);
    expect(storedUploads(world)).toEqual([fits.hash]);
    const failed = await world.operator.exec('audit -failed -json');
    expect(JSON.parse(failed.stdout)).toMatchObject([{ command: 'upload', result: 'failed' }]);
  });

  it('of any size are taken with -max-upload 0', async () => {
    const world = await startWorld(testScope(), ['-max-upload', '0']);
    const archive = randomBlob(world, 3 * MIB);
    await upload(world.operator, archive);
    expect(storedUploads(world)).toEqual([archive.hash]);
  });

  it('below -min-free: the client says why, nothing is left', async () => {
    const world = await startWorld(testScope(), ['-min-free', '1000T']);
    const put = await world.operator.sftp(`put ${randomBlob(world, 1000).path}\n`);
    expect(put.status).toBe(1);
    expect(put.stderr).toMatch(/too little for uploads|Failure/);
    expect(storedUploads(world)).toEqual([]);
  });

  it('cut in the middle: the partial file is removed, a new try succeeds', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const proxy = await startTcpProxy(scope, world.registry);
    const site = world.registry.site;
    const through = openSsh(proxy, { dir: site.root, user: 'ops', key: site.operator });
    const archive = randomBlob(world, 60 * MIB);
    proxy.delay(5);
    const put = through.sftp(`put ${archive.path}\n`);
    await proxy.sentAtLeast(4 * MIB);
    expect(partialUploads(world)).toHaveLength(1);
    proxy.cut();
    expect((await put).status).not.toBe(0);
    await world.registry.log.line('upload interrupted, its bytes are removed');
    await until('the partial file is removed', () => storedUploads(world).length === 0);
    await upload(world.operator, archive);
    expect(storedUploads(world)).toEqual([archive.hash]);
  });

  it('the client ends without closing the file: that is no upload', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const sftp = await RawSftp.open(scope, world.operator);
    const handle = await sftp.create('/x');
    expect((await sftp.write(handle, 0, randomBytes(1000))).status).toBe(0);
    sftp.end();
    await sftp.ended;
    await world.registry.log.line('upload interrupted, its bytes are removed');
    expect(storedUploads(world)).toEqual([]);
  });
});

describe('uploads that wait for their addver', () => {
  it('expire after -upload-ttl', async () => {
    const world = await startWorld(testScope(), ['-upload-ttl', '1s']);
    const archive = randomBlob(world, 1000);
    await upload(world.operator, archive);
    await world.registry.log.line(({ msg, uploads }) => msg === 'housekeeping removed' && uploads === 1);
    expect(await listUploads(world)).toEqual([]);
    expect(storedUploads(world)).toEqual([]);
    const late = await world.operator.exec(`addver x:1 ${archive.hash}`);
    expect(late.stderr).toContain('no uploaded file with given hash found');
  });

  it('are there after a restart, ordinary or not', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const archives = [randomArchive(world, 1000), randomArchive(world, 2000)];
    for (const archive of archives) await upload(world.operator, archive);
    expect(await world.registry.stop()).toBe(0);
    const second = await world.registry.restart();
    expect((await listUploads(world)).sort()).toEqual(archives.map(({ hash }) => hash).sort());
    expect((await world.operator.exec(`addver x:1 ${archives[0]?.hash}`)).status).toBe(0);
    await second.kill9();
    await second.restart();
    const added = await world.operator.exec(`addver x:2 ${archives[1]?.hash}`);
    expect(added.status, added.stderr).toBe(0);
  });
});

it('a directory is not uploaded with put -r, its files are refused with it', async () => {
  const world = await startWorld(testScope());
  const dir = join(world.root, 'tree');
  mkdirSync(dir);
  writeFileSync(join(dir, 'file'), 'x');
  const put = await world.operator.sftp(`put -r ${dir} ${basename(dir)}\n`);
  expect(put.status).toBe(1);
  expect(storedUploads(world)).toEqual([]);
});
