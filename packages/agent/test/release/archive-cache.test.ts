import { copyFileSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missingBytes, pruneCache, verifyCache } from '@deploy-tools/agent/release/archive-cache.js';
import { describe, expect, it } from 'vitest';
import { makeBlob } from '../../../../test/support/archive.js';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { configOf, releaseStore } from '../agent-context.js';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('verifyCache', () => {
  it('finds the whole archives of a configuration, and makes the directory', async () => {
    const dir = tempDir(testScope());
    const store = await releaseStore(dir);
    const whole = makeBlob(join(dir, 'whole'), Buffer.alloc(3_000_000, 'w'));
    const part = { hash: A, size: 1000 };
    const missing = { hash: B, size: 1000 };
    const config = configOf(whole, part, missing, whole);
    expect(await verifyCache(store, config)).toEqual(new Set());
    expect(await missingBytes(store, config)).toBe(3_002_000);
    copyFileSync(whole.path, join(store.paths.cache, whole.hash));
    writeFileSync(join(store.paths.cache, `${A}.part`), Buffer.alloc(123));
    expect(await verifyCache(store, config)).toEqual(new Set([whole.hash]));
    expect(await missingBytes(store, config)).toBe(1877);
    writeFileSync(join(store.paths.cache, `${A}.part`), Buffer.alloc(1001));
    expect(await missingBytes(store, config)).toBe(1000);
  });

  it('removes an archive that is not what its name says', async () => {
    const store = await releaseStore(tempDir(testScope()));
    mkdirSync(store.paths.cache);
    writeFileSync(join(store.paths.cache, A), 'something else');
    expect(await verifyCache(store, configOf({ hash: A, size: 1 }))).toEqual(new Set());
    expect(existsSync(join(store.paths.cache, A))).toBe(false);
  });

  it('stops when the agent is to', async () => {
    const stop = new AbortController();
    stop.abort();
    const store = await releaseStore(tempDir(testScope()), {}, stop.signal);
    mkdirSync(store.paths.cache);
    writeFileSync(join(store.paths.cache, A), 'something else');
    await expect(verifyCache(store, configOf({ hash: A, size: 1 }))).rejects.toThrow();
    expect(existsSync(join(store.paths.cache, A))).toBe(true);
  });
});

describe('pruneCache', () => {
  it('removes what nobody needs and is older than an hour, also what the Go agent left, and nothing else', async () => {
    const store = await releaseStore(tempDir(testScope()));
    const { cache } = store.paths;
    mkdirSync(cache);
    const old = ['temp-123', A, `${A}.part`, B, `${B}.part`, 'notes.txt'];
    for (const name of old) {
      writeFileSync(join(cache, name), '');
      const hours = Date.now() / 1000 - 2 * 3600;
      utimesSync(join(cache, name), hours, hours);
    }
    const young = ['c'.repeat(64), `${'d'.repeat(64)}.part`];
    for (const name of young) writeFileSync(join(cache, name), '');
    await pruneCache(store, new Set([A]));
    expect(readdirSync(cache).sort()).toEqual([A, `${A}.part`, ...young, 'notes.txt'].sort());
  });
});
