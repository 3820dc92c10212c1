import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
import { metaStoreContract } from '../../contract/meta-store-contract.js';

metaStoreContract('SQLite', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  const open = () => SqliteMetaStore.open(join(dir, 'registry.db'));
  let current = open();
  return {
    store: current,
    reopen: async () => {
      await current.close();
      current = open();
      return current;
    },
    cleanUp: async () => {
      await current.close();
      rmSync(dir, { recursive: true });
    },
  };
});
