import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPEN_FLAG, PACKET } from '@deploy-tools/shared/sftp/protocol.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Archive, makeBlob, upload } from '../support/archive.js';
import { RawSftp, statusName } from '../support/raw-sftp.js';
import { fileScope, testScope } from '../support/scope.js';
import { makeSshKey } from '../support/ssh-key.js';
import { until } from '../support/until.js';
import { listUploads, partialUploads, randomArchive, randomBlob } from '../support/upload-files.js';
import { startWorld, type World } from '../support/world.js';

const MIB = 1024 * 1024;

describe('uploads with the stock sftp', () => {
  const scope = fileScope();
  let world: World;

  beforeAll(async () => {
    world = await startWorld(scope);
  });

  const addver = async (archive: Archive, version: string) => {
    const added = await world.operator.exec(`addver files:${version} ${archive.hash}`);
    expect(added.status, added.stderr).toBe(0);
    const bytes = readFileSync(join(world.registry.site.dir, 'files', archive.hash));
    expect(bytes.equals(readFileSync(archive.path))).toBe(true);
  };

  it.each([
    ['empty', 0],
    ['small', 10],
    ['of one packet', 32 * 1024],
    ['large', 40 * MIB + 17],
  ])('a file that is %s', async (_what, size) => {
    const archive = randomBlob(world, size);
    await upload(world.operator, archive);
    expect(await listUploads(world)).toContain(archive.hash);
    expect((await world.operator.sftp('ls -l\n')).stdout).toMatch(
      new RegExp(`^-rw-r--r-- .* ${size} .* ${archive.hash}$`, 'm'),
    );
    const stored = readFileSync(join(world.registry.site.dir, 'uploads', archive.hash));
    expect(stored.equals(readFileSync(archive.path))).toBe(true);
  });

  it('one that is named is no upload any more', async () => {
    const archive = randomArchive(world, 2 * MIB);
    await upload(world.operator, archive);
    await addver(archive, 'once');
    expect(await listUploads(world)).not.toContain(archive.hash);
  });

  it('several in one session, under any name, with attributes kept or not', async () => {
    const archives = [randomBlob(world, 1000), randomBlob(world, 2000), randomBlob(world, 3000)];
    const [a, b, c] = archives.map(({ path }) => path);
    const put = await world.operator.sftp(
      `put ${a} "a name with blanks"\nput -p ${b} ../../etc/passwd\nput ${c} /x/ü\n`,
    );
    expect(put.status, put.stderr).toBe(0);
    expect(await listUploads(world)).toEqual(expect.arrayContaining(archives.map(({ hash }) => hash)));
    expect(partialUploads(world)).toEqual([]);
    expect(existsSync('/x')).toBe(false);
  });

  it('the same bytes from two sessions at once', async () => {
    const archive = randomArchive(world, 8 * MIB);
    await Promise.all([upload(world.operator, archive), upload(world.operator, archive)]);
    expect((await listUploads(world)).filter((hash) => hash === archive.hash)).toHaveLength(1);
    await addver(archive, 'twice');
  });

  it('bytes that are an archive already: named again without another upload, or with one', async () => {
    const archive = randomArchive(world, 5000);
    await upload(world.operator, archive);
    await addver(archive, 'first');
    await addver(archive, 'second');
    await upload(world.operator, archive);
    await addver(archive, 'third');
  });

  it('an upload cannot be named twice over, nor by a hash that was not uploaded', async () => {
    const answer = await world.operator.exec(`addver files:none ${'0'.repeat(64)}`);
    expect(answer.status).toBe(1);
    expect(answer.stderr).toContain('no uploaded file with given hash found');
  });

  it('reading, removing, renaming, making directories and links are refused', async () => {
    const archive = randomBlob(world, 100);
    await upload(world.operator, archive);
    const local = join(world.root, 'got');
    for (const command of [
      `get ${archive.hash} ${local}`,
      `rm ${archive.hash}`,
      `rename ${archive.hash} other`,
      'mkdir d',
      'rmdir /',
      `ln -s ${archive.hash} link`,
      `ln ${archive.hash} link`,
      `chmod 600 /other`,
      `reget ${archive.hash} ${local}`,
    ]) {
      const answer = await world.operator.sftp(`${command}\n`);
      expect(answer.status, command).toBe(1);
      expect(answer.stderr, command).toMatch(
        /[Pp]ermission denied|not found|does not allow|No such file|may only|unsupported|not support/,
      );
    }
    expect(existsSync(local)).toBe(false);
    expect(await listUploads(world)).toContain(archive.hash);
  });

  it('shows each operator only what is their own', async () => {
    const other = await makeSshKey(world.root, 'other');
    const from = world.registry.log.lines.length;
    writeFileSync(world.registry.site.operatorKeys, `${world.registry.site.operator.line}\n${other.line}\n`);
    await world.registry.log.lineAfter(from, 'key file loaded');
    const archive = randomBlob(world, 123);
    await upload(world.operator, archive);
    const theirs = await world.client('ops', other).sftp('ls -1\n');
    expect(theirs.status, theirs.stderr).toBe(0);
    expect(theirs.stdout).not.toContain(archive.hash);
  });

  it('is in the log and in the audit log, with who and how much', async () => {
    const archive = randomBlob(world, 4321);
    await upload(world.operator, archive);
    const line = await world.registry.log.line(({ hash }) => hash === archive.hash);
    expect(line).toMatchObject({ msg: 'upload stored', bytes: 4321, who: 'operator@test', user: 'ops' });
    const audit = await world.operator.exec(`audit -name ${archive.hash} -json`);
    expect(JSON.parse(audit.stdout)).toMatchObject([
      {
        command: 'upload',
        via: 'sftp',
        args: [archive.hash, '4321 bytes'],
        result: 'ok',
        address: '127.0.0.1',
      },
    ]);
  });

  it('writes in any order, overlapping and repeated', async () => {
    const content = randomBytes(3 * MIB);
    const archive = makeBlob(join(world.root, 'scattered'), content);
    const sftp = await RawSftp.open(testScope(), world.operator);
    const handle = await sftp.create('/scattered');
    const step = 100_000;
    const offsets = Array.from({ length: Math.ceil(content.length / step) }, (_, index) => index * step);
    const shuffled = [...offsets].sort((a, b) => ((a * 7919) % 31) - ((b * 7919) % 31) || a - b);
    const writes = [...shuffled, 0, step].map((at) =>
      sftp.write(handle, at, content.subarray(at, at + step + 50)),
    );
    for (const reply of await Promise.all(writes)) expect(reply.status).toBe(0);
    expect((await sftp.close(handle)).status).toBe(0);
    expect(await listUploads(world)).toContain(archive.hash);
    sftp.end();
    await sftp.ended;
  });

  it('replies in the order of the requests', async () => {
    const sftp = await RawSftp.open(testScope(), world.operator);
    const handle = await sftp.create('/x');
    const mixed = [
      sftp.write(handle, 0, randomBytes(200_000)),
      sftp.request(PACKET.REALPATH, (packet) => packet.string('.')),
      sftp.request(PACKET.LSTAT, (packet) => packet.string('/nosuch')),
      sftp.write(handle, 200_000, randomBytes(10)),
      sftp.close(handle),
      sftp.request(PACKET.STAT, (packet) => packet.string('/')),
    ];
    await Promise.all(mixed);
    expect(sftp.order).toEqual([...sftp.order].sort((a, b) => a - b));
    expect((await sftp.request(PACKET.STAT, (packet) => packet.string('/x'))).type).toBe(PACKET.ATTRS);
  });

  it('one session has a bounded number of open handles', async () => {
    const sftp = await RawSftp.open(testScope(), world.operator);
    for (let count = 0; count < 64; count += 1) await sftp.create(`/f${count}`);
    expect(partialUploads(world)).toHaveLength(64);
    expect(statusName(Number(await sftp.open('/one-more', OPEN_FLAG.WRITE | OPEN_FLAG.CREAT)))).toBe(
      'FAILURE',
    );
    sftp.end();
    await sftp.ended;
    await until('what was not closed is removed', () => partialUploads(world).length === 0);
  });

  it.each([
    ['an empty packet', Buffer.from([0, 0, 0, 0])],
    ['a packet beyond all bounds', Buffer.from([0xff, 0xff, 0xff, 0xff, 1])],
    ['half a packet and the end', Buffer.from([0, 0, 0, 9, 3])],
  ])('%s ends the session, and only that', async (_, bytes) => {
    const sftp = await RawSftp.open(testScope(), world.operator);
    const handle = await sftp.create('/x');
    await sftp.write(handle, 0, randomBytes(10));
    sftp.send(bytes);
    sftp.end();
    await sftp.ended;
    await until('the partial file is removed', () => partialUploads(world).length === 0);
    expect((await world.operator.exec('components')).status).toBe(0);
  });

  it('a malformed request gets a status, an unknown one too', async () => {
    const sftp = await RawSftp.open(testScope(), world.operator);
    expect(statusName((await sftp.request(PACKET.OPEN)).status)).toBe('BAD_MESSAGE');
    expect(statusName((await sftp.request(199)).status)).toBe('OP_UNSUPPORTED');
    const extended = await sftp.request(PACKET.EXTENDED, (packet) =>
      packet.string('posix-rename@openssh.com'),
    );
    expect(statusName(extended.status)).toBe('OP_UNSUPPORTED');
    expect(statusName((await sftp.write(Buffer.from('nohandle'), 0, randomBytes(1))).status)).toBe('FAILURE');
  });
});
