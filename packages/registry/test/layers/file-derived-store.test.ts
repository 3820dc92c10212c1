import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileDerivedStore } from '@deploy-tools/registry/layers/file-derived-store.js';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { derivedStoreContract } from '../contract/derived-store-contract.js';
import { hashOf } from '../contract/meta-samples.js';

derivedStoreContract('files', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  return {
    store: await FileDerivedStore.open(dir),
    reopen: () => FileDerivedStore.open(dir),
    cleanUp: async () => rmSync(dir, { recursive: true }),
  };
});

test('on disk they are manifests/HASH and packs/HASH, in directories that only their owner reads', async () => {
  const dir = temporaryDirectory();
  const store = await FileDerivedStore.open(dir);
  for (const [kind, name] of [
    ['manifest', 'manifests'],
    ['pack', 'packs'],
  ] as const) {
    const draft = store.draft(kind);
    writeFileSync(draft, kind);
    await store.put(kind, hashOf(kind), draft);
    expect(readdirSync(join(dir, name))).toEqual([hashOf(kind)]);
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o700);
  }
});

test('what writers keep beside a draft goes with cleaning', async () => {
  const store = await FileDerivedStore.open(temporaryDirectory());
  writeFileSync(`${store.draft('pack')}.spool`, 'x');
  expect(await store.clean()).toBe(1);
});
