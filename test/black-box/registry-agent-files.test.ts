import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPEN_FLAG, PACKET } from '@deploy-tools/shared/sftp/protocol.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Archive, addVersion, makeTar } from '../support/archive.js';
import { RawSftp, statusName } from '../support/raw-sftp.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { startWorld, type World } from '../support/world.js';

const MIB = 1024 * 1024;

describe('what an agent sees', () => {
  const scope = fileScope();
  let world: World;
  let code: Archive;
  let config: Archive;

  beforeAll(async () => {
    world = await startWorld(scope);
    code = makeTar(join(world.root, 'code'), randomBytes(9 * MIB + 5));
    config = makeTar(join(world.root, 'config'), randomBytes(100));
    await addVersion(world.operator, code, 'code', 'v1');
    await addVersion(world.operator, config, 'config', 'v1');
    for (const name of ['project1', '"my project"', 'prüf']) {
      const added = await world.operator.exec(`addconf ${name} code:v1 config:v1`);
      expect(added.status, added.stderr).toBe(0);
    }
  });

  const ok = async (batch: string) => {
    const answer = await world.agent.sftp(batch);
    expect(answer.status, answer.stdout + answer.stderr).toBe(0);
    return answer.stdout;
  };

  it('the tree, listed with sizes and times', async () => {
    expect(await ok('ls -1\n')).toBe('sftp> ls -1\nconfigs\nfiles\nmanifests\npacks\n');
    expect(await ok('ls -1 configs\n')).toContain(
      'configs/my project.json\nconfigs/project1.json\nconfigs/prüf.json',
    );
    const files = await ok('cd files\npwd\nls -l\n');
    expect(files).toContain('Remote working directory: /files');
    expect(files).toMatch(new RegExp(`^-r--r--r-- .* ${code.size} .* ${code.hash}$`, 'm'));
    expect(files).toMatch(new RegExp(`^-r--r--r-- .* ${config.size} .* ${config.hash}$`, 'm'));
  });

  it('configurations as tab-indented JSON with the original’s keys', async () => {
    const local = join(world.root, 'project1.json');
    await ok(`get configs/project1.json ${local}\n`);
    const text = readFileSync(local, 'utf8');
    expect(text).toMatch(
      /^\{\n\t"Name": "project1",\n\t"Mtime": ".*Z",\n\t"Hash": "[0-9a-f]{64}",\n\t"Layers": \[\n\t\t\{\n\t\t\t"Name": "code",/,
    );
    const parsed = JSON.parse(text);
    expect(Object.keys(parsed).slice(0, 4)).toEqual(['Name', 'Mtime', 'Hash', 'Layers']);
    expect(Object.keys(parsed.Layers[0]).slice(0, 5)).toEqual(['Name', 'Version', 'File', 'Hash', 'Ctime']);
    expect(parsed.Layers[0]).toMatchObject({ Version: 'v1', File: `files/${code.hash}`, Hash: code.hash });
    await ok(`get "/configs/my project.json" ${join(world.root, 'blank.json')}\n`);
    await ok(`get /./configs//prüf.json ${join(world.root, 'umlaut.json')}\n`);
  });

  it('archives byte for byte, resumed too, a tree with get -r', async () => {
    const local = join(world.root, 'got');
    await ok(`get files/${code.hash} ${local}\n`);
    expect(readFileSync(local).equals(readFileSync(code.path))).toBe(true);
    const half = join(world.root, 'half');
    await run('sh', ['-c', `head -c 5000000 "${code.path}" > "${half}"`]);
    await ok(`reget files/${code.hash} ${half}\n`);
    expect(readFileSync(half).equals(readFileSync(code.path))).toBe(true);
    const tree = join(world.root, 'tree');
    mkdirSync(tree);
    await ok(`get -r / ${tree}\n`);
    expect(readdirSync(join(tree, 'files')).sort()).toEqual([code.hash, config.hash].sort());
    expect(readdirSync(join(tree, 'configs'))).toHaveLength(3);
  });

  it('any range of a file, in any order, to the end and beyond', async () => {
    const content = readFileSync(code.path);
    const sftp = await RawSftp.open(testScope(), world.agent);
    const handle = await sftp.open(`files/${code.hash}`, OPEN_FLAG.READ);
    if (typeof handle === 'number') throw new Error(`OPEN: ${handle}`);
    const ranges: [number, number][] = [
      [0, 1],
      [1, 0],
      [8 * MIB, 255 * 1024],
      [4 * MIB - 3, 7],
      [content.length - 10, 100],
      [12345, 99_999],
    ];
    const replies = await Promise.all(ranges.map(([at, length]) => sftp.read(handle, at, length)));
    for (const [index, [at, length]] of ranges.entries()) {
      const reply = replies[index];
      expect(reply?.type).toBe(PACKET.DATA);
      expect(
        reply
          ?.body()
          .bytes()
          .equals(content.subarray(at, at + length)),
      ).toBe(true);
    }
    expect(statusName((await sftp.read(handle, content.length, 10)).status)).toBe('EOF');
    expect(statusName((await sftp.read(handle, 2 ** 52, 10)).status)).toBe('EOF');
    const huge = await sftp.read(handle, 0, 0xffff_ffff);
    expect(huge.body().bytes().length).toBe(255 * 1024);
    expect(statusName((await sftp.write(handle, 0, Buffer.from('x'))).status)).toBe('PERMISSION_DENIED');
    expect((await sftp.close(handle)).status).toBe(0);
  });

  it('nothing that it could write to', async () => {
    for (const command of [
      `put ${config.path} configs/new.json`,
      `put ${config.path} files/${config.hash}`,
      `put ${config.path} x`,
      `rm files/${config.hash}`,
      'rm configs/project1.json',
      'rename configs/project1.json configs/project2.json',
      'mkdir d',
      'rmdir configs',
      'chmod 777 configs/project1.json',
      'chown 0 configs/project1.json',
      `ln -s /etc/passwd configs/x.json`,
      `reput ${config.path} configs/project1.json`,
    ]) {
      const answer = await world.agent.sftp(`${command}\n`);
      expect(answer.status, command).toBe(1);
    }
    const sftp = await RawSftp.open(testScope(), world.agent);
    for (const flags of [2, 3, 4, 8, 0x1a, 0x20, 0x40, 0, 9])
      expect(statusName(Number(await sftp.open(`/files/${config.hash}`, flags)))).toBe('PERMISSION_DENIED');
    expect(await ok('ls -1 /\n')).toContain('/configs\n/files\n');
    await ok(`get files/${config.hash} ${join(world.root, 'same')}\n`);
    expect(readFileSync(join(world.root, 'same')).equals(readFileSync(config.path))).toBe(true);
  });

  it.each([
    '../../etc/passwd',
    '/etc/passwd',
    'configs/../../../../etc/passwd',
    '//configs/../../x',
    'files/../host_key',
    'files/../../registry/host_key',
    'host_key',
    'registry.db',
    'uploads',
    'files/.',
    'files/../configs',
    'configs/project1',
    'configs/..',
    'configs/../project1.json',
    'configs/.json',
    'configs/../configs/x/../nosuch.json',
    `files/${'A'.repeat(64)}`,
    `files/${'0'.repeat(64)}`,
    `files/${'0'.repeat(63)}/`,
    'files/*',
    '~/.ssh/authorized_keys',
    'configs/project1.json/x',
    'configs\\project1.json',
    'configs/project1.json\0',
    '\0',
    'x'.repeat(5000),
    `${'../'.repeat(1600)}etc/passwd`,
    'configs/%2e%2e/x',
  ])('cannot read %j', async (path) => {
    const sftp = await RawSftp.open(testScope(), world.agent);
    const opened = await sftp.open(path, OPEN_FLAG.READ);
    expect(['NO_SUCH_FILE', 'FAILURE']).toContain(statusName(Number(opened)));
    sftp.end();
    await sftp.ended;
  });

  it('paths that step out and in again name what they name', async () => {
    const sftp = await RawSftp.open(testScope(), world.agent);
    for (const path of [
      '../configs/../configs/project1.json',
      '/../../configs/project1.json',
      'configs/./project1.json',
    ]) {
      const reply = await sftp.request(PACKET.STAT, (packet) => packet.string(path));
      expect(reply.type, path).toBe(PACKET.ATTRS);
      const real = await sftp.request(PACKET.REALPATH, (packet) => packet.string(path));
      const names = real.body();
      names.uint32();
      expect(names.string()).toBe('/configs/project1.json');
    }
    const link = await sftp.request(PACKET.READLINK, (packet) => packet.string('/configs/project1.json'));
    expect(statusName(link.status)).toBe('PERMISSION_DENIED');
  });

  it('no other’s handle, no handle that was closed', async () => {
    const first = await RawSftp.open(testScope(), world.agent);
    const second = await RawSftp.open(testScope(), world.agent);
    const handle = await first.open('configs/project1.json', OPEN_FLAG.READ);
    if (typeof handle === 'number') throw new Error(`OPEN: ${handle}`);
    expect(statusName((await second.read(handle, 0, 10)).status)).toBe('FAILURE');
    expect((await first.close(handle)).status).toBe(0);
    expect(statusName((await first.read(handle, 0, 10)).status)).toBe('FAILURE');
    expect(statusName((await first.close(handle)).status)).toBe('FAILURE');
  });

  it('a file that is open stays readable when a change or a removal comes', async () => {
    const sftp = await RawSftp.open(testScope(), world.agent);
    const handle = await sftp.open('configs/prüf.json', OPEN_FLAG.READ);
    if (typeof handle === 'number') throw new Error(`OPEN: ${handle}`);
    expect((await world.operator.exec('delconf prüf -force')).status).toBe(0);
    const reply = await sftp.read(handle, 0, 10_000);
    expect(JSON.parse(reply.body().string())).toMatchObject({ Name: 'prüf' });
    expect(existsSync(join(world.root, 'prüf.json'))).toBe(false);
  });

  it('downloads are in the log, with who and how much', async () => {
    const line = await world.registry.log.line(
      ({ msg, file }) => msg === 'download ended' && file === code.hash,
    );
    expect(line).toMatchObject({ role: 'agent', who: 'agent@test', bytes: expect.any(Number) });
  });
});

describe('many and long names', () => {
  it('come in replies that the smallest client takes: 34000 bytes', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const archive = makeTar(join(world.root, 'a'), randomBytes(10));
    await addVersion(world.operator, archive, 'a', '1');
    const names = Array.from(
      { length: 120 },
      (_, index) => `${String(index).padStart(3, '0')}${'ü'.repeat(98)}`,
    );
    const lines = names.map((name) => `addconf ${name} a:1\n`).join('');
    const added = await world.operator.lines(lines);
    expect(added.status, added.stderr).toBe(0);
    const sftp = await RawSftp.open(scope, world.agent);
    const opened = await sftp.request(PACKET.OPENDIR, (packet) => packet.string('configs'));
    const handle = opened.body().bytes();
    const seen: string[] = [];
    for (;;) {
      const reply = await sftp.request(PACKET.READDIR, (packet) => packet.string(handle));
      if (reply.type !== PACKET.NAME) break;
      expect(reply.packet.length).toBeLessThanOrEqual(34_000);
      const body = reply.body();
      for (let count = body.uint32(); count > 0; count -= 1) seen.push(body.nameEntry().filename);
    }
    expect(seen).toEqual(names.map((name) => `${name}.json`));
  });
});
