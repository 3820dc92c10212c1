import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startFakeRegistry } from '../fake-registry.js';
import { runBin } from '../run-bin.js';

async function setUp() {
  const registry = await startFakeRegistry();
  const tree = join(registry.home, 'tree');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  writeFileSync(join(tree, 'bin', 'app'), randomBytes(300_000));
  writeFileSync(join(tree, 'empty'), '');
  chmodSync(join(tree, 'bin', 'app'), 0o755);
  symlinkSync('bin/app', join(tree, 'link'));
  const archive = join(registry.home, 'code.tar.gz');
  execFileSync('tar', ['czf', archive, '-C', tree, '.']);
  const deployctl = (...args: string[]) =>
    runBin('deployctl', ['-key', registry.key.path, ...args], { env: registry.env, cwd: registry.home });
  return { ...registry, tree, archive, deployctl };
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('addver -file', () => {
  test('uploads the bytes as they are and names them by their hash', async () => {
    const { deployctl, archive, state } = await setUp();
    const ran = await deployctl('addver', '-name', 'code', '-version', 'v 1', '-file', archive);
    expect(ran).toMatchObject({ status: 0, stdout: '' });
    expect(state.versions.get('code:v 1')).toBe(sha256(archive));
    expect(state.files.get(sha256(archive))).toEqual(readFileSync(archive));
    expect(ran.stderr).toMatch(/^\S+code\.tar\.gz: [\d.]+ KB uploaded in [\d.]+m?s, [\d.]+ \wB\/s\n$/);
  });

  test('has a positional form, -json and -quiet', async () => {
    const { deployctl, archive, state } = await setUp();
    const ran = await deployctl('addver', 'code:v1', archive, '-json', '-quiet');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(ran.stdout)).toEqual({
      component: 'code',
      version: 'v1',
      hash: sha256(archive),
      size: readFileSync(archive).length,
    });
    expect(state.versions.has('code:v1')).toBe(true);
  });

  test.each(['-c', '-cz', '--zstd -c'])('takes what tar %s makes', async (options) => {
    const { deployctl, tree, home, state } = await setUp();
    const file = join(home, 'archive');
    execFileSync('tar', [...options.split(' '), '-f', file, '-C', tree, '.']);
    expect(await deployctl('addver', 'code:v1', file)).toMatchObject({ status: 0 });
    expect(state.versions.get('code:v1')).toBe(sha256(file));
  });

  test.each([
    ['a text file', (file: string) => writeFileSync(file, 'hello\n'), /is not an archive/],
    ['an empty file', (file: string) => writeFileSync(file, ''), /is not an archive/],
    ['a directory', (file: string) => mkdirSync(file), /is not a file[\s\S]*-dir/],
    ['a FIFO', (file: string) => execFileSync('mkfifo', [file]), /is not a file/],
    ['a device', (file: string) => symlinkSync('/dev/zero', file), /is not a file/],
    ['a missing file', () => undefined, /no such file/],
  ])('refuses %s without connecting', async (_name, make, message) => {
    const { deployctl, home, server } = await setUp();
    const file = join(home, 'archive');
    make(file);
    const ran = await deployctl('addver', 'code:v1', file);
    expect(ran).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(message) });
    expect(server.users).toEqual([]);
  });

  test('refuses an archive that is cut, and adds nothing', async () => {
    const { deployctl, archive, home, state } = await setUp();
    const file = join(home, 'cut');
    writeFileSync(file, readFileSync(archive).subarray(0, -1000));
    const ran = await deployctl('addver', 'code:v1', file);
    expect(ran).toMatchObject({ status: 1, stderr: expect.stringMatching(/cut: .*cut/) });
    expect(state.versions.size).toBe(0);
    expect(state.commands).toEqual([]);
  });

  test('refuses a file that changes while it is read', async () => {
    const { deployctl, home, state } = await setUp();
    const file = join(home, 'big.tar');
    writeFileSync(join(home, 'random'), randomBytes(8_000_000));
    execFileSync('tar', ['cf', file, '-C', home, 'random']);
    let changed = false;
    state.onWrite = () => {
      if (!changed) appendFileSync(file, Buffer.alloc(512));
      changed = true;
    };
    const ran = await deployctl('addver', 'code:v1', file);
    expect(ran).toMatchObject({ status: 1, stderr: expect.stringMatching(/changed while it was read/) });
    expect(state.commands).toEqual([]);
  });

  test('says after a lost connection that nothing was added and what to do', async () => {
    const { deployctl, home, state, server } = await setUp();
    writeFileSync(join(home, 'random'), randomBytes(8_000_000));
    execFileSync('tar', ['cf', join(home, 'big.tar'), '-C', home, 'random']);
    state.onWrite = (bytes) => bytes > 1_000_000 && server.connections[0]?.end();
    const ran = await deployctl('addver', 'code:v1', 'big.tar');
    expect(ran).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/nothing was added; run the same command again/),
    });
    expect(state.commands).toEqual([]);
  });

  test('passes the refusal of the registry on', async () => {
    const { deployctl, archive, state } = await setUp();
    state.versions.set('code:v1', 'other');
    const ran = await deployctl('addver', 'code:v1', archive, '-quiet');
    expect(ran).toEqual({ status: 1, stdout: '', stderr: 'version "v1" already exists\n' });
  });

  test('of what is there already is success, unless it is to be new; -json is JSON alone all the same', async () => {
    const { deployctl, archive, state } = await setUp();
    await deployctl('addver', 'code:v1', archive, '-quiet');
    const again = await deployctl('addver', 'code:v1', archive, '-quiet');
    expect(again).toEqual({ status: 0, stdout: 'version "v1" is there already\n', stderr: '' });
    const json = await deployctl('addver', 'code:v1', archive, '-quiet', '-json');
    expect(json).toMatchObject({ status: 0, stderr: 'version "v1" is there already\n' });
    expect(JSON.parse(json.stdout)).toMatchObject({ version: 'v1', hash: sha256(archive) });
    const insisting = await deployctl('addver', 'code:v1', archive, '-quiet', '-new');
    expect(insisting).toEqual({ status: 1, stdout: '', stderr: 'version "v1" already exists\n' });
    expect(state.commands.map((line) => line.endsWith('-new=true'))).toEqual([false, false, false, true]);
  });
});

test('addver -hash names what the registry has, without an upload', async () => {
  const { deployctl, archive, state } = await setUp();
  await deployctl('addver', 'code:v1', archive);
  const ran = await deployctl('addver', '-name=other', '-version=v2', `-hash=${sha256(archive)}`, '-json');
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(ran.stdout)).toEqual({ component: 'other', version: 'v2', hash: sha256(archive) });
  expect(state.uploads).toBe(1);
});

describe('addver -dir', () => {
  test('makes an archive that GNU tar unpacks to the same tree', async () => {
    const { deployctl, tree, home, state } = await setUp();
    const long = join(tree, 'd'.repeat(120), 'ü'.repeat(90));
    mkdirSync(join(long, '..'), { recursive: true });
    writeFileSync(long, 'long');
    expect(await deployctl('addver', '-name=code', '-version=v1', '-dir=tree')).toMatchObject({ status: 0 });
    const archive = join(home, 'made.tar.gz');
    writeFileSync(archive, state.files.get(state.versions.get('code:v1') ?? '') ?? '');
    const copy = join(home, 'copy');
    mkdirSync(copy);
    execFileSync('tar', ['xpf', archive, '-C', copy]);
    execFileSync('diff', ['-r', '--no-dereference', tree, copy]);
    const listing = execFileSync('tar', ['tvf', archive, '--numeric-owner'], { encoding: 'utf8' });
    expect(listing).toMatch(/-rwxr-xr-x 0\/0 +300000 1970-01-01 00:00 bin\/app/);
    expect(listing).toMatch(/lrwxrwxrwx 0\/0 +0 1970-01-01 00:00 link -> bin\/app/);
  });

  test('gives the same bytes for the same tree, whatever its times and its place', async () => {
    const { deployctl, tree, home, state } = await setUp();
    await deployctl('addver', 'code:v1', '-dir', 'tree');
    const other = join(home, 'elsewhere');
    execFileSync('cp', ['-R', tree, other]);
    utimesSync(join(other, 'empty'), 1_000_000, 1_000_000);
    await deployctl('addver', 'code:v2', '-dir', other);
    expect(state.versions.get('code:v2')).toBe(state.versions.get('code:v1'));
    await deployctl('addver', 'code:v3', '-dir', other, '-mtime', 'keep');
    expect(state.versions.get('code:v3')).not.toBe(state.versions.get('code:v1'));
    const archive = state.files.get(state.versions.get('code:v3') ?? '') ?? Buffer.alloc(0);
    expect(
      execFileSync('tar', ['tvzf', '-', '--utc', 'empty'], { input: archive, encoding: 'utf8' }),
    ).toContain('1970-01-12 13:46');
  });

  test('refuses what an archive cannot carry, and an empty directory', async () => {
    const { deployctl, tree, home } = await setUp();
    execFileSync('mkfifo', [join(tree, 'pipe')]);
    expect(await deployctl('addver', 'code:v1', '-dir', tree)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/tree\/pipe is a FIFO/),
    });
    mkdirSync(join(home, 'void'));
    expect(await deployctl('addver', 'code:v1', '-dir', 'void')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/void is empty/),
    });
  });
});
