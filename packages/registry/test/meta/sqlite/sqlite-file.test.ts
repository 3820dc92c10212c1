import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HISTORY_SCHEMA } from '@deploy-tools/registry/meta/sqlite/history-schema.js';
import { MIGRATIONS } from '@deploy-tools/registry/meta/sqlite/migrations.js';
import { loadSqlite } from '@deploy-tools/registry/meta/sqlite/sqlite-driver.js';
import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { kindOf, kindOfRejection } from '../../../../shared/test/support/kind-of.js';
import { startScript, startScriptWithFileLimit } from '../../../../shared/test/support/script-process.js';
import { temporaryDirectory } from '../../../../shared/test/support/temporary-directory.js';
import { versionOf } from '../../contract/meta-samples.js';

const Database = loadSqlite();

/** The migration that gave logs a table of their own. */
const HISTORY = MIGRATIONS.indexOf(HISTORY_SCHEMA);

function openStore(path: string): SqliteMetaStore {
  const store = SqliteMetaStore.open(path);
  onTestFinished(() => store.close());
  return store;
}

/** Waits for a signal file's time, opens the store, inserts one version, and says so. */
const OPENER = `
  import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
  const [path, name, at] = process.argv.slice(1);
  while (Date.now() < Number(at)) {}
  try {
    const store = SqliteMetaStore.open(path);
    await store.write((tx) => tx.insertVersion({ component: 'code', version: name, hash: name, size: 1, created: name }));
    await store.close();
    console.log('done');
  } catch (error) {
    console.log(error.kind + ': ' + error.message);
  }
`;

describe('opening', () => {
  test('processes that open a new file together migrate it once', async () => {
    const path = join(temporaryDirectory(), 'registry.db');
    const at = String(Date.now() + 700);
    const openers = ['a', 'b', 'c', 'd'].map((name) => startScript(OPENER, path, name, at));
    expect(await Promise.all(openers.map((opener) => opener.line()))).toEqual([
      'done',
      'done',
      'done',
      'done',
    ]);
    const versions = await openStore(path).read((tx) => tx.versions('code'));
    expect(versions.map(({ version }) => version).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('the file is durable: write-ahead log, and a sync with each commit', () => {
    const path = join(temporaryDirectory(), 'registry.db');
    openStore(path);
    const db = new Database(path);
    onTestFinished(() => void db.close());
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test('only its owner can read the file and what SQLite puts beside it', async () => {
    const dir = temporaryDirectory();
    const store = openStore(join(dir, 'registry.db'));
    await store.write((tx) => tx.insertVersion(versionOf('code', 'v1')));
    const modes = readdirSync(dir).map((name) => [name, statSync(join(dir, name)).mode & 0o777]);
    expect(modes.sort()).toEqual([
      ['registry.db', 0o600],
      ['registry.db-shm', 0o600],
      ['registry.db-wal', 0o600],
    ]);
  });

  test('a schema of a later program is refused and left as it is', () => {
    const path = join(temporaryDirectory(), 'registry.db');
    const db = new Database(path);
    db.pragma(`user_version = ${MIGRATIONS.length + 1}`);
    db.close();
    const before = readFileSync(path);
    expect(kindOf(() => SqliteMetaStore.open(path))).toBe('unsupported');
    expect(() => SqliteMetaStore.open(path)).toThrow(`schema ${MIGRATIONS.length + 1}`);
    const after = new Database(path, { readonly: true });
    expect(after.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length + 1);
    expect(after.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()).toEqual({ tables: 0 });
    after.close();
    expect(readFileSync(path).length).toBeGreaterThanOrEqual(before.length);
  });

  test('a database that another process holds is locked', async () => {
    const path = join(temporaryDirectory(), 'registry.db');
    openStore(path);
    const holder = startScript(
      `import { loadSqlite } from '@deploy-tools/registry/meta/sqlite/sqlite-driver.js';
       const db = new (loadSqlite())(process.argv[1]);
       db.exec('BEGIN EXCLUSIVE');
       console.log('held');
       setInterval(() => db.inTransaction, 1000); // a database that nobody refers to is closed`,
      path,
    );
    expect(await holder.line()).toBe('held');
    expect(kindOf(() => SqliteMetaStore.open(path))).toBe('locked');
  });
});

describe('a damaged file', () => {
  test('that is no database is corrupt', () => {
    const path = join(temporaryDirectory(), 'registry.db');
    writeFileSync(path, 'this is not a database, it is text of more than a hundred characters'.repeat(40));
    expect(kindOf(() => SqliteMetaStore.open(path))).toBe('corrupt');
    expect(() => SqliteMetaStore.open(path)).toThrow('the registry database is damaged');
  });

  test.each([
    ['overwritten', (path: string) => overwrite(path)],
    ['cut short', (path: string) => truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096)],
  ])('whose pages are %s is corrupt, at the latest when they are read', async (_what, damage) => {
    const dir = temporaryDirectory();
    const store = SqliteMetaStore.open(join(dir, 'whole.db'));
    await store.write(async (tx) => {
      for (let index = 0; index < 2000; index += 1) await tx.insertVersion(versionOf('code', `v${index}`));
    });
    await store.close();
    const path = join(dir, 'registry.db');
    copyFileSync(join(dir, 'whole.db'), path);
    damage(path);
    const read = async () => {
      const damaged = openStore(path);
      await damaged.read((tx) => tx.versions('code'));
    };
    expect(await kindOfRejection(read())).toBe('corrupt');
  });
});

function overwrite(path: string): void {
  const bytes = readFileSync(path);
  for (let page = 1; page * 4096 < bytes.length; page += 1) bytes.fill(0xaa, page * 4096, page * 4096 + 512);
  writeFileSync(path, bytes);
}

/** Inserts versions, a line for each that was acknowledged, until one is refused; then once more a small read. */
const FILLER = `
  import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
  const store = SqliteMetaStore.open(process.argv[1]);
  for (let index = 0; ; index += 1) {
    try {
      await store.write(async (tx) => {
        await tx.insertVersion({ component: 'code', version: 'v' + index, hash: 'x'.repeat(2000), size: 1, created: 'c' });
        await tx.insertVersion({ component: 'twin', version: 'v' + index, hash: 'x'.repeat(2000), size: 1, created: 'c' });
      });
    } catch (error) {
      const { length } = await store.read((tx) => tx.versions('code'));
      console.log(JSON.stringify({ acknowledged: index, kind: error.kind, readable: length }));
      await store.close().catch(() => {});
      process.exit(0);
    }
  }
`;

describe('what was deleted', () => {
  const COUNT = 400;
  const MIB = 1024 * 1024;

  /** Writes 12 MB of logs, drops them, and shrinks the file as far as it goes. */
  async function fillAndEmpty(store: SqliteMetaStore, round: number): Promise<void> {
    await store.write(async ({ fleet }) => {
      for (let number = 0; number < COUNT; number += 1) {
        const report = { config: 'p', state: 'healthy' as const, deploy: `d${round}-${number}` };
        const key = { fingerprint: 'k', comment: 'k' };
        const record = { time: '2026', host: 'web1', key, address: '192.0.2.1', report };
        await fleet.putDeploy(record, ['x'.repeat(30_000)]);
      }
    });
    while ((await store.write(({ fleet }) => fleet.dropOldest('deploys', 'k', 1e9))) > 0);
    while (await store.shrink());
  }

  test('is given back to the disk, but for a little', async () => {
    const path = join(temporaryDirectory(), 'registry.db');
    const store = openStore(path);
    await fillAndEmpty(store, 1);
    expect(await store.shrink()).toBe(false);
    await store.write((tx) => tx.insertVersion(versionOf('code', 'v1')));
    await store.close();
    expect(statSync(path).size).toBeLessThan(5 * MIB);
    const db = new Database(path);
    onTestFinished(() => void db.close());
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test('of a file that cannot shrink is used again', async () => {
    const path = join(temporaryDirectory(), 'registry.db');
    const older = new Database(path);
    older.pragma('auto_vacuum = NONE');
    older.exec('CREATE TABLE some (thing TEXT)');
    older.close();
    const store = openStore(path);
    for (const round of [1, 2, 3]) await fillAndEmpty(store, round);
    await store.close();
    expect(statSync(path).size).toBeGreaterThan(10 * MIB);
    expect(statSync(path).size).toBeLessThan(18 * MIB);
  });
});

test('deploys of an earlier schema keep their logs, and count', async () => {
  const path = join(temporaryDirectory(), 'registry.db');
  const db = new Database(path);
  for (const migration of MIGRATIONS.slice(0, HISTORY)) db.exec(migration);
  db.pragma(`user_version = ${HISTORY}`);
  const insert = db.prepare(
    `INSERT INTO deploys (time, host, configuration, deploy, state, report, log, fingerprint, comment, address)
     VALUES ('2026', 'web1', 'p', ?, 'healthy', '{}', ?, ?, '', '')`,
  );
  for (let number = 1; number <= 12; number += 1) insert.run(`d${number}`, '["schön"]', 'k');
  insert.run('d13', null, 'other');
  db.close();
  await openStore(path).write(async ({ fleet }) => {
    expect(await fleet.deployLog('web1', 'p', 'd1')).toEqual({ lines: ['schön'] });
    expect(await fleet.deployLog('web1', 'p', 'd13')).toEqual({ lines: [] });
    const bytes = Buffer.byteLength('["schön"]');
    expect(await fleet.historySize('logs')).toEqual({
      total: 12 * bytes,
      fullest: { fingerprint: 'k', bytes: 12 * bytes },
    });
    // d1 to d3 are past the newest ten: one call that needs three takes them, and d4 is the next.
    expect(await fleet.dropOldest('logs', 'k', 3 * bytes)).toBe(3 * bytes);
    expect(await fleet.deployLog('web1', 'p', 'd3')).toEqual({ lines: [], gap: 'removed' });
    expect(await fleet.deployLog('web1', 'p', 'd4')).toEqual({ lines: ['schön'] });
  });
});

test('a full disk refuses a write as no-space, and loses nothing that was acknowledged', async () => {
  const path = join(temporaryDirectory(), 'registry.db');
  await SqliteMetaStore.open(path).close();
  const filler = startScriptWithFileLimit(600, FILLER, path);
  const seen = JSON.parse(await filler.line()) as { acknowledged: number; kind: string; readable: number };
  expect(seen.kind).toBe('no-space');
  expect(seen.acknowledged).toBeGreaterThan(10);
  expect(seen.readable).toBe(seen.acknowledged);
  const store = openStore(path);
  await store.read(async (tx) => {
    expect(await tx.versions('code')).toHaveLength(seen.acknowledged);
    expect(await tx.versions('twin')).toHaveLength(seen.acknowledged);
  });
  await store.write((tx) => tx.insertVersion(versionOf('code', 'later')));
});

/** Writes a version with a revision and an audit record in each transaction, and tells which were acknowledged. */
const WRITER = `
  import { writeSync } from 'node:fs';
  import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
  const store = SqliteMetaStore.open(process.argv[1]);
  const first = await store.read((tx) => tx.versions('code'));
  for (let number = first.length + 1; ; number += 1) {
    const version = { component: 'code', version: 'v' + number, hash: 'h', size: 1, created: '2026' };
    await store.write(async (tx) => {
      await tx.insertVersion(version);
      await new Promise((resolve) => setImmediate(resolve));
      await tx.appendRevision({
        name: 'p', revision: number, mtime: '2026', hash: 'h', layers: [version],
        author: { fingerprint: 'f', comment: 'c', user: 'u', address: 'a' }, command: 'x',
      });
      await tx.appendAudit({
        time: '2026', fingerprint: 'f', comment: 'c', user: 'u', address: 'a', via: 'exec', command: 'x', args: [],
        subjects: ['p'], changes: true, result: 'ok', durationMs: 1,
      });
    });
    writeSync(1, number + '\\n');
  }
`;

test('a process killed while it writes leaves every acknowledged transaction, and no half of one', async () => {
  const path = join(temporaryDirectory(), 'registry.db');
  let acknowledged = 0;
  for (const lines of [3, 17, 40]) {
    const writer = startScript(WRITER, path);
    for (let line = 0; line < lines; line += 1) acknowledged = Number(await writer.line());
    await writer.kill();
    const store = SqliteMetaStore.open(path);
    await store.read(async (tx) => {
      const versions = await tx.versions('code');
      expect(versions.length).toBeGreaterThanOrEqual(acknowledged);
      expect(versions.at(-1)?.version).toBe(`v${versions.length}`);
      expect(await tx.revisions('p')).toHaveLength(versions.length);
      expect(await tx.audit({ limit: 10_000, subject: 'p' })).toHaveLength(versions.length);
      expect((await tx.configuration('p'))?.layers[0]?.version).toBe(versions.at(-1)?.version);
    });
    await store.close();
  }
});
