import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { readAll, type SourceSite, sourceContract } from '../contract/source-contract.js';

const CONTEXT = { environment: {}, log: pino({ level: 'silent' }) };
const SIGNAL = new AbortController().signal;

async function openSite(): Promise<SourceSite & { readonly dir: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  return {
    dir,
    source: await openSource(pathToFileURL(dir).href, CONTEXT),
    publish: async (tag, files) => {
      mkdirSync(join(dir, tag), { recursive: true });
      for (const [name, bytes] of Object.entries(files)) writeFileSync(join(dir, tag, name), bytes);
    },
    remove: async (tag) => rmSync(join(dir, tag), { recursive: true }),
    cleanUp: async () => rmSync(dir, { recursive: true }),
  };
}

async function site() {
  const opened = await openSite();
  onTestFinished(() => opened.cleanUp());
  return opened;
}

sourceContract('file', openSite);

test('what is no release and no artifact is left out', async () => {
  const { source, dir, publish } = await site();
  await publish('v1.0.0', { a: Buffer.from('a'), '.b.part': Buffer.from('b') });
  writeFileSync(join(dir, 'README'), 'text');
  mkdirSync(join(dir, '.v2.0.0'));
  mkdirSync(join(dir, 'v1.0.0', 'directory'));
  symlinkSync('nowhere', join(dir, 'v1.0.0', 'dangling'));
  const { releases } = await source.list(undefined, SIGNAL);
  expect(releases.map(({ tag, artifacts }) => [tag, artifacts.map(({ name }) => name)])).toEqual([
    ['v1.0.0', ['a']],
  ]);
});

test('below roots no symlink is followed, whenever it is made, and no other directory is read', async () => {
  const { dir, publish } = await site();
  await publish('outside', { secret: Buffer.from('private key') });
  const root = join(dir, 'root');
  for (const [tag, name] of [
    ['v1', 'app'],
    ['v2', 'app'],
  ] as const) {
    mkdirSync(join(root, 'rel', tag), { recursive: true });
    writeFileSync(join(root, 'rel', tag, name), tag);
  }
  symlinkSync(join(dir, 'outside', 'secret'), join(root, 'rel', 'v1', 'secret'));
  symlinkSync(join(dir, 'outside'), join(root, 'rel', 'v3'));
  symlinkSync(join(dir, 'outside'), join(root, 'elsewhere'));
  symlinkSync(root, join(dir, 'root by another name'));
  const context = { ...CONTEXT, fileRoots: [join(dir, 'root by another name')] };
  const open = (path: string) => openSource(pathToFileURL(path).href, context);
  const source = await open(join(root, 'rel'));
  const { releases } = await source.list(undefined, SIGNAL);
  expect(releases.flatMap(({ artifacts }) => artifacts.map(({ id }) => id))).toEqual(['v1/app', 'v2/app']);
  const read = async (id: string) => {
    const { body } = await source.open(
      { name: 'x', id, size: undefined, digest: undefined },
      { offset: 0 },
      SIGNAL,
    );
    return (await readAll(body)).toString();
  };
  expect(await read('v1/app')).toBe('v1');
  renameSync(join(root, 'rel', 'v2'), join(root, 'rel', 'was'));
  symlinkSync(join(root, 'rel', 'v1'), join(root, 'rel', 'v2'));
  for (const id of ['v1/secret', 'v3/secret', 'v2/app'])
    await expect(read(id)).rejects.toThrow('cannot read');
  for (const path of [join(root, 'elsewhere'), join(dir, 'outside')]) {
    const outside = await open(path);
    expect(await kindOfRejection(outside.list(undefined, SIGNAL))).toBe('denied');
    const artifact = { name: 'x', id: 'v1/x', size: undefined, digest: undefined };
    expect(await kindOfRejection(Promise.resolve(outside.open(artifact, { offset: 0 }, SIGNAL)))).toBe(
      'denied',
    );
  }
});

test('a file that was replaced is read from its beginning', async () => {
  const { source, dir, publish } = await site();
  await publish('v1.0.0', { a: Buffer.from('first content') });
  const artifact = { name: 'a', id: 'v1.0.0/a', size: undefined, digest: undefined };
  const before = await source.open(artifact, { offset: 0 }, SIGNAL);
  await readAll(before.body);
  await publish('v1.0.0', { '.a': Buffer.from('other content') });
  renameSync(join(dir, 'v1.0.0', '.a'), join(dir, 'v1.0.0', 'a'));
  const after = await source.open(artifact, { offset: 6, validator: before.validator }, SIGNAL);
  expect(after.offset).toBe(0);
  expect((await readAll(after.body)).toString()).toBe('other content');
});

test('a directory that is not there is not found, and ids lead nowhere else', async () => {
  const { source, dir, publish } = await site();
  await publish('v1.0.0', { a: Buffer.from('a') });
  for (const id of ['../etc/passwd', 'v1.0.0/../v1.0.0/a', '/a', 'v1.0.0/', 'a', '..', 'v1.0.0/\0']) {
    const opening = source.open({ name: 'a', id, size: 1, digest: undefined }, { offset: 0 }, SIGNAL);
    expect(await kindOfRejection(opening)).toBe('not-found');
  }
  const nowhere = await openSource(pathToFileURL(join(dir, 'nowhere')).href, CONTEXT);
  expect(await kindOfRejection(nowhere.list(undefined, SIGNAL))).toBe('not-found');
});
