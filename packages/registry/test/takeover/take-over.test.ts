import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileByteStore } from '@deploy-tools/registry/layers/file-byte-store.js';
import type { MetaReader, MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
import { takeOverGoRegistry } from '@deploy-tools/registry/takeover/take-over.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { archiveOf, LIVED_IN, originalDirectory, stateBytes } from './original-state.js';

interface Started {
  readonly dir: string;
  readonly database: string;
  readonly lines: readonly Record<string, unknown>[];
}

/** What a start of the registry does about state.db. */
async function takeOver(
  dir: string,
  openStore: (path: string) => MetaStore = SqliteMetaStore.open,
): Promise<Started> {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const database = join(dir, 'registry.db');
  const clock = () => new Date('2026-11-20T16:00:00Z');
  await takeOverGoRegistry({ dir, bytes: await FileByteStore.open(dir), database, openStore, clock, log });
  return { dir, database, lines };
}

async function inStore<T>(database: string, read: (tx: MetaReader) => Promise<T>): Promise<T> {
  const store = SqliteMetaStore.open(database);
  try {
    return await store.read(read);
  } finally {
    await store.close();
  }
}

function messages({ lines }: Started): unknown[] {
  return lines.map(({ msg }) => msg);
}

const TAKEN = 'took over the state of the Go registry; state.db stays as it is';

describe('takeOverGoRegistry', () => {
  test('takes over versions, configurations and their history', async () => {
    const state = stateBytes('lived-in');
    const started = await takeOver(originalDirectory(state, LIVED_IN));
    const { versions, current, revisions, configurations } = await inStore(started.database, async (tx) => ({
      versions: await tx.versions('config'),
      current: await tx.configuration('project1'),
      revisions: await tx.revisions('project1'),
      configurations: await tx.configurations(),
    }));
    const { hash, bytes } = archiveOf('config', 'v01');
    expect(versions[0]).toEqual({
      component: 'config',
      version: 'v01',
      hash,
      size: bytes.length,
      created: '2017-03-01T11:23:46.100Z',
    });
    expect(configurations).toEqual(['project1', 'проект 2']);
    expect(current).toMatchObject({ revision: 4, mtime: '2017-03-01T11:25:56.600Z' });
    expect(revisions.map(({ revision, layers }) => [revision, layers.map(({ version }) => version)])).toEqual(
      [
        [1, ['v01', 'v01']],
        [2, ['v 02', 'v01']],
        [3, ['v 02', 'v02']],
        [4, ['v 02', 'v01']],
      ],
    );
    expect(revisions[0]?.author).toMatchObject({ fingerprint: '', comment: 'taken over from state.db' });
    expect(started.lines).toMatchObject([
      { msg: TAKEN, components: 4, versions: 5, configurations: 2, revisions: 5, warnings: 0 },
    ]);
    expect(readFileSync(join(started.dir, 'state.db')).equals(state)).toBe(true);
    expect(readdirSync(started.dir).sort()).toEqual([
      'files',
      'registry.db',
      'registry.db.takeover',
      'state.db',
      'uploads',
    ]);
  });

  test('uploads that the Go registry has not named are removed like our own', async () => {
    const dir = originalDirectory(stateBytes('empty'), []);
    const bytes = await FileByteStore.open(dir);
    for (const name of ['upload-123456789', 'upload-notes.txt'])
      writeFileSync(join(dir, 'uploads', name), 'x');
    expect(await bytes.clean()).toBe(1);
    expect(readdirSync(join(dir, 'uploads'))).toEqual(['upload-notes.txt']);
  });

  test('a large state', async () => {
    const versions = [
      ...Array.from({ length: 300 }, (_, i) => [`component-${String(i).padStart(3, '0')}`, 'v1'] as const),
      ...Array.from({ length: 300 }, (_, i) => ['busy', `build-${String(i).padStart(4, '0')}`] as const),
    ];
    const { database } = await takeOver(originalDirectory(stateBytes('large'), versions));
    await inStore(database, async (tx) => {
      expect(await tx.components()).toHaveLength(301);
      expect((await tx.versions('busy')).map(({ version }) => version)).toEqual(
        versions.slice(300).map(([, v]) => v),
      );
      expect((await tx.configuration('large'))?.layers).toHaveLength(75);
      expect(await tx.revisions('large')).toHaveLength(40);
    });
  });

  test.each(['empty', 'one-of-each', 'page-16k'] as const)('%s.db', async (name) => {
    const { database } = await takeOver(originalDirectory(stateBytes(name), [['code', 'v01']]));
    const components = await inStore(database, (tx) => tx.components());
    expect(components).toEqual(name === 'empty' ? [] : ['code']);
  });

  test('without state.db there is nothing to do', async () => {
    const dir = originalDirectory(stateBytes('empty'), []);
    rmSync(join(dir, 'state.db'));
    expect(messages(await takeOver(dir))).toEqual([]);
    expect(existsSync(join(dir, 'registry.db'))).toBe(false);
  });

  test('happens once', async () => {
    const dir = originalDirectory(stateBytes('lived-in'), LIVED_IN);
    const { database } = await takeOver(dir);
    const before = readFileSync(database);
    expect(messages(await takeOver(dir))).toEqual([]);
    expect(readFileSync(database).equals(before)).toBe(true);
  });

  test('a registry of ours that began by itself keeps its state', async () => {
    const dir = originalDirectory(stateBytes('lived-in'), LIVED_IN);
    await SqliteMetaStore.open(join(dir, 'registry.db')).close();
    const started = await takeOver(dir);
    expect(messages(started)).toEqual([expect.stringContaining('is not taken over')]);
    expect(await inStore(started.database, (tx) => tx.components())).toEqual([]);
  });

  test('refuses to start on a state that the Go registry has changed since', async () => {
    const dir = originalDirectory(stateBytes('one-of-each'), [['code', 'v01']]);
    await takeOver(dir);
    writeFileSync(join(dir, 'state.db'), stateBytes('lived-in'));
    await expect(takeOver(dir)).rejects.toThrow(
      /has changed .*state\.db after it was taken over on 2026-11-20/,
    );
    rmSync(join(dir, 'state.db'));
    expect(messages(await takeOver(dir))).toEqual([]);
  });

  test('damage to state.db afterwards is logged only', async () => {
    const dir = originalDirectory(stateBytes('one-of-each'), [['code', 'v01']]);
    await takeOver(dir);
    writeFileSync(join(dir, 'state.db'), Buffer.alloc(16384));
    expect(messages(await takeOver(dir))).toEqual(['state.db of the Go registry is damaged now']);
  });

  test('refuses while the Go registry runs', async () => {
    const dir = originalDirectory(stateBytes('one-of-each'), [['code', 'v01']]);
    // bolt.Open takes the same lock, flock(2), exclusively.
    const holder = spawn('flock', ['-x', join(dir, 'state.db'), 'sh', '-c', 'echo locked; read line']);
    await once(holder.stdout, 'data');
    await expect(takeOver(dir)).rejects.toMatchObject({
      kind: 'locked',
      message: `the Go registry is running on ${join(dir, 'state.db')}`,
    });
    holder.stdin.end('\n');
    await once(holder, 'close');
    expect(messages(await takeOver(dir))).toEqual([TAKEN]);
  });

  test('refuses a damaged file, and leaves nothing behind', async () => {
    const bytes = stateBytes('lived-in');
    for (let at = 2 * 4096 + 8; at < bytes.length; at += 4096) bytes.writeUInt16LE(0xffff, at);
    const dir = originalDirectory(bytes, LIVED_IN);
    await expect(takeOver(dir)).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringMatching(/state\.db cannot be taken over: page \d+ is damaged: /),
      hint: 'restore it from a backup',
    });
    expect(readdirSync(dir).sort()).toEqual(['files', 'state.db', 'uploads']);
  });

  test('refuses when an archive that a configuration needs is missing', async () => {
    const dir = originalDirectory(stateBytes('lived-in'), LIVED_IN);
    const { hash } = archiveOf('code', 'v 02');
    rmSync(join(dir, 'files', hash));
    await expect(takeOver(dir)).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining(
        `configuration "project1" needs the archive ${hash} of "code:v 02", which is not in files/`,
      ),
    });
    expect(existsSync(join(dir, 'registry.db'))).toBe(false);
  });

  test('refuses when files/ was not copied', async () => {
    await expect(takeOver(originalDirectory(stateBytes('large'), []))).rejects.toThrow(
      /none of the archives that it names is in files\//,
    );
  });

  test('leaves out a version that is not in use when its archive is missing', async () => {
    const versions = LIVED_IN.filter(([, version]) => version !== 'v02');
    const started = await takeOver(originalDirectory(stateBytes('lived-in'), versions));
    expect(messages(started)).toEqual(['"config:v02" has no archive in files/; it is left out', TAKEN]);
    await inStore(started.database, async (tx) => {
      expect((await tx.versions('config')).map(({ version }) => version)).toEqual(['v01']);
      // History says what was; nothing is deployed from it.
      expect(await tx.revisions('project1')).toHaveLength(4);
    });
  });

  test('refuses to mix a new database with the changes of one that was moved away', async () => {
    const dir = originalDirectory(stateBytes('lived-in'), LIVED_IN);
    writeFileSync(join(dir, 'registry.db-wal'), 'x');
    await expect(takeOver(dir)).rejects.toThrow(/registry\.db-wal is there without /);
  });

  test('a crash in the middle leaves nothing that looks complete, and the next start begins anew', async () => {
    const dir = originalDirectory(stateBytes('lived-in'), LIVED_IN);
    const breaking = (path: string): MetaStore => {
      const store = SqliteMetaStore.open(path);
      return {
        read: (work) => store.read(work),
        write: (work) =>
          store.write(async (tx) => {
            await work(tx);
            throw new DeployError('no-space', 'the disk of the registry is full');
          }),
        shrink: () => store.shrink(),
        close: () => store.close(),
      };
    };
    await expect(takeOver(dir, breaking)).rejects.toMatchObject({ kind: 'no-space' });
    expect(existsSync(join(dir, 'registry.db'))).toBe(false);
    expect(existsSync(join(dir, 'registry.db.new'))).toBe(true);
    const { database } = await takeOver(dir);
    expect(await inStore(database, (tx) => tx.configurations())).toEqual(['project1', 'проект 2']);
  });
});
