import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ingest } from '@deploy-tools/registry/core/index-archive.js';
import { Indexer } from '@deploy-tools/registry/core/indexer.js';
import { findUnindexed } from '@deploy-tools/registry/core/unindexed.js';
import { startIndexing } from '@deploy-tools/registry/jobs/indexing-job.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, test } from 'vitest';
import { hashOf } from '../contract/meta-samples.js';
import { addText, OPERATOR, onPorts, openRegistry, type TestRegistry } from '../support/open-registry.js';
import { textIngest } from '../support/text-ingest.js';

const change = { author: OPERATOR, command: 'x' };

/** As if the versions had been added before there were manifests. */
async function forgetIndexes(registry: TestRegistry): Promise<void> {
  await registry.meta.write(async (tx) => {
    for (const { archive } of await tx.indexes()) await tx.deleteIndex(archive.hash);
  });
  await registry.housekeeping.collect();
}

/** The same registry in a program that was started now and indexes so. */
function restarted(registry: TestRegistry, ingest: Ingest): TestRegistry {
  registry.pass(1000);
  const indexer = new Indexer({ ...registry, ingest, policy: DEFAULT_UNPACK_POLICY, minFree: 0 });
  return onPorts(registry, { indexer });
}

test('archives without a manifest are indexed one at a time: those in use first, then the newest first', async () => {
  const registry = await openRegistry();
  for (const version of ['v1', 'v2', 'v3', 'v4']) {
    await addText(registry, 'code', version, version);
    registry.pass(1000);
  }
  await registry.configurations.put(change, 'p', [{ component: 'code', version: 'v2' }]);
  await forgetIndexes(registry);
  const seen: string[] = [];
  let running = 0;
  const later = restarted(registry, async (task, signal) => {
    running += 1;
    expect(running).toBe(1);
    seen.push(task.hash);
    await new Promise(setImmediate);
    running -= 1;
    return textIngest(task, signal);
  });
  const job = startIndexing(later, 0);
  while ((await registry.meta.read((tx) => tx.indexes())).length < 4) await new Promise(setImmediate);
  expect(seen).toEqual(['v2', 'v4', 'v3', 'v1'].map(hashOf));
  await job.stop();
});

test('one whose manifest or pack is gone is indexed again; one that was refused is not, unless by a limit', async () => {
  const registry = await openRegistry({ unchecked: true }, async (task, signal) => {
    if (task.size === 6) throw new DeployError('too-large', 'the limit on bytes, 5, is exceeded');
    return textIngest(task, signal);
  });
  for (const text of ['well', 'gone', 'short', 'bad bytes', 'larger'])
    await addText(registry, text, 'v1', text);
  rmSync(join(registry.dir, 'manifests', hashOf('manifest of gone')));
  writeFileSync(join(registry.dir, 'packs', hashOf('pack of short')), 'x');
  const now = registry.clock().toISOString();
  const sorted = (texts: readonly string[]) => texts.map(hashOf).sort();
  expect([...(await findUnindexed(registry, now))].sort()).toEqual(sorted(['gone', 'short']));
  registry.pass(1000);
  const later = registry.clock().toISOString();
  expect([...(await findUnindexed(registry, later))].sort()).toEqual(sorted(['gone', 'short', 'larger']));
});

test('an archive that cannot be read does not keep the others waiting; a full disk does', async () => {
  const registry = await openRegistry();
  for (const text of ['a', 'b', 'c']) {
    await addText(registry, text, 'v1', text);
    registry.pass(1000);
  }
  await forgetIndexes(registry);
  const tried: string[] = [];
  const failing = restarted(registry, async (task, signal) => {
    tried.push(task.hash);
    if (task.hash === hashOf('c')) throw new DeployError('internal', 'broken');
    if (task.hash === hashOf('a')) return textIngest(task, signal);
    throw new DeployError('no-space', 'full');
  });
  const job = startIndexing(failing, 0);
  while (tried.length < 2) await new Promise(setImmediate);
  await failing.indexer.stop();
  await job.stop();
  expect(tried).toEqual([hashOf('c'), hashOf('b')]);
});
