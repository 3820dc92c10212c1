import { accessTo } from '@deploy-tools/registry/core/access.js';
import { AgentTree, type AgentView } from '@deploy-tools/registry/sftp/agent-tree.js';
import type { SftpFiles } from '@deploy-tools/registry/sftp/sftp-files.js';
import { OPEN_FLAG } from '@deploy-tools/shared/sftp/protocol.js';
import { expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { addText, OPERATOR, openRegistry, type TestRegistry } from '../support/open-registry.js';

const CHANGE = { author: OPERATOR, command: 'test' };

function filesOf(registry: TestRegistry, patterns: string | undefined): SftpFiles {
  const view: AgentView = {
    access: accessTo(patterns),
    log: registry.log,
    transfers: { begin: () => () => {}, onStop: () => () => {} },
  };
  return new AgentTree(registry, view);
}

async function namesIn(files: SftpFiles, directory: string): Promise<string[]> {
  return (await files.list(directory)).map(({ filename }) => filename).sort();
}

/** `web` of code, in two versions; `db` of secret and shared; both have shared. */
async function makeRegistry() {
  const registry = await openRegistry();
  const [old, code, secret, shared, loose] = [
    await addText(registry, 'code', 'v1'),
    await addText(registry, 'code', 'v2'),
    await addText(registry, 'secret', 'v1'),
    await addText(registry, 'shared', 'v1'),
    await addText(registry, 'loose', 'v1'),
  ];
  await registry.configurations.put(CHANGE, 'web', [old, shared]);
  await registry.configurations.changeLayer(CHANGE, 'web', code);
  await registry.configurations.put(CHANGE, 'db', [secret, shared]);
  return {
    registry,
    hashes: { old: old.hash, code: code.hash, secret: secret.hash, shared: shared.hash, loose: loose.hash },
  };
}

test('a key with config= sees its configurations, and the files that any of their revisions names', async () => {
  const { registry, hashes } = await makeRegistry();
  const files = filesOf(registry, 'web,static-*');
  expect(await namesIn(files, '/configs')).toEqual(['web.json']);
  expect(await namesIn(files, '/files')).toEqual([hashes.old, hashes.code, hashes.shared].sort());
  expect(await namesIn(files, '/')).toEqual(['configs', 'files', 'manifests', 'packs']);
  const readable = await registry.meta.read(async (tx) =>
    Promise.all([hashes.old, hashes.code, hashes.shared].map((hash) => tx.index(hash))),
  );
  const derived = readable.map((index) => (index?.kind === 'indexed' ? index : undefined));
  expect(await namesIn(files, '/manifests')).toEqual(derived.map((index) => index?.manifest.hash).sort());
  expect(await namesIn(files, '/packs')).toEqual(derived.map((index) => index?.pack.hash).sort());
  for (const path of [
    '/configs/web.json',
    `/files/${hashes.old}`,
    `/manifests/${derived[0]?.manifest.hash}`,
    `/packs/${derived[0]?.pack.hash}`,
  ]) {
    await files.stat(path);
    await (await files.open(path, OPEN_FLAG.READ)).abandon();
  }
});

test('it cannot read others, nor find out which there are', async () => {
  const { registry, hashes } = await makeRegistry();
  const files = filesOf(registry, 'web');
  const secret = await registry.meta.read((tx) => tx.index(hashes.secret));
  if (secret?.kind !== 'indexed') throw new Error('not indexed');
  const refusals = {
    '/configs/db.json': 'denied',
    '/configs/nosuch.json': 'denied',
    [`/files/${hashes.secret}`]: 'not-found',
    [`/files/${hashes.loose}`]: 'not-found',
    [`/files/${'0'.repeat(64)}`]: 'not-found',
    [`/manifests/${secret.manifest.hash}`]: 'not-found',
    [`/packs/${secret.pack.hash}`]: 'not-found',
    // Named by a readable configuration, but as a file of another kind.
    [`/packs/${hashes.code}`]: 'not-found',
  };
  for (const [path, kind] of Object.entries(refusals)) {
    expect(await kindOfRejection(files.open(path, OPEN_FLAG.READ)), path).toBe(kind);
    expect(await kindOfRejection(files.stat(path)), path).toBe(kind);
  }
  const words = async (path: string) =>
    files.stat(path).then(String, ({ message }) => message.replace(/[0-9a-f]{64}/, 'H'));
  expect(await words(`/files/${hashes.secret}`)).toBe(await words(`/files/${'0'.repeat(64)}`));
  await expect(files.stat('/configs/db.json')).rejects.toThrow('this key may not read configuration "db"');
});

test('what a configuration names from now on is readable at once, and stays so when it is deleted', async () => {
  const { registry, hashes } = await makeRegistry();
  const files = filesOf(registry, 'web');
  const path = `/files/${hashes.loose}`;
  expect(await kindOfRejection(files.stat(path))).toBe('not-found');
  await registry.configurations.put(CHANGE, 'web', [{ component: 'loose', version: 'v1' }]);
  await files.stat(path);
  await registry.configurations.delete(CHANGE, 'web');
  await files.stat(path);
  expect(await kindOfRejection(files.stat('/configs/web.json'))).toBe('not-found');
});

test('a key without config= reads everything', async () => {
  const { registry, hashes } = await makeRegistry();
  const files = filesOf(registry, undefined);
  expect(await namesIn(files, '/configs')).toEqual(['db.json', 'web.json']);
  expect(await namesIn(files, '/files')).toEqual(Object.values(hashes).sort());
  await files.stat(`/files/${hashes.secret}`);
});
