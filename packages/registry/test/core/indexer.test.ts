import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Ingest } from '@deploy-tools/registry/core/index-archive.js';
import type { IngestTask } from '@deploy-tools/registry/ingest/layer-port.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { hashOf } from '../contract/meta-samples.js';
import { addText, MINUTE, openRegistry, type TestRegistry, upload } from '../support/open-registry.js';
import { textIngest } from '../support/text-ingest.js';

const indexed = (registry: TestRegistry, hash: string) => registry.meta.read((tx) => tx.index(hash));
const drafts = (registry: TestRegistry) =>
  ['manifests', 'packs']
    .flatMap((name) => readdirSync(join(registry.dir, name)))
    .filter((name) => name.length !== 64);

/** Counts the archives that are read, and lets each wait for a signal. */
function gated(): { ingest: Ingest; tasks: IngestTask[]; open: () => void } {
  const tasks: IngestTask[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const ingest: Ingest = async (task, signal) => {
    tasks.push(task);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new DeployError('cancelled', 'aborted')));
    });
    await Promise.race([gate, aborted]);
    return textIngest(task, signal);
  };
  return { ingest, tasks, open };
}

describe('an upload', () => {
  test('is indexed before its addver; both files are there, under their hashes', async () => {
    const registry = await openRegistry();
    const hash = await upload(registry, 'text');
    await registry.indexer.ensure(hash, 'soon');
    const index = await indexed(registry, hash);
    expect(index).toMatchObject({ kind: 'indexed', archive: { hash, size: 4 }, entries: 1, bytes: 4 });
    const read = (name: string) =>
      readFileSync(join(registry.dir, name, hashOf(`${name.slice(0, -1)} of text`)), 'utf8');
    expect([read('manifests'), read('packs')]).toEqual(['manifest of text', 'pack of text']);
    expect(drafts(registry)).toEqual([]);
  });

  test('is read once, however many addvers wait for it', async () => {
    const { ingest, tasks, open } = gated();
    const registry = await openRegistry({}, ingest);
    const hash = await upload(registry, 'text');
    const adding = ['v1', 'v2', 'v3'].map((version) =>
      registry.versions.add({ component: 'c', version, hash }),
    );
    while (tasks.length === 0) await new Promise(setImmediate);
    await registry.meta.write((tx) => tx.components()); // nobody holds a transaction meanwhile
    open();
    await Promise.all(adding);
    await registry.versions.add({ component: 'c', version: 'v4', hash });
    expect(tasks).toHaveLength(1);
  });

  test('that the registry ended upon three times is not read again for a day, and its addver says so', async () => {
    const registry = await openRegistry();
    const hash = hashOf('text');
    for (let times = 0; times < 3; times += 1) await registry.marks.begin(hash); // and never end
    await upload(registry, 'text');
    const adding = registry.versions.add({ component: 'c', version: 'v1', hash });
    await expect(adding).rejects.toMatchObject({
      kind: 'too-large',
      message: expect.stringContaining('the registry ended 3 times while it read this archive'),
    });
    expect(await registry.meta.read((tx) => tx.components())).toEqual([]);
    registry.pass(25 * 60 * MINUTE);
    expect(await registry.indexer.renew(hash, 'awaited')).toMatchObject({ kind: 'indexed' });
  });

  test('that is read to its end, refused or stopped is not counted', async () => {
    const registry = await openRegistry();
    for (const text of ['bad text', 'text']) {
      const hash = await upload(registry, text);
      for (let times = 0; times < 5; times += 1) await registry.indexer.renew(hash, 'awaited');
    }
    const { ingest } = gated();
    const stopped = await openRegistry({}, ingest);
    const hash = await upload(stopped, 'text');
    await stopped.indexer.stop();
    expect(await registry.marks.begin(hashOf('text'))).toBe(0);
    expect(await stopped.marks.begin(hash)).toBe(0);
  });

  test('is given the packs of earlier ones that are there, and no others, as after a restore', async () => {
    const reused: number[] = [];
    const registry = await openRegistry({}, (task, signal) => {
      reused.push(task.reuse.length);
      return textIngest(task, signal);
    });
    await addText(registry, 'a', 'v1');
    await addText(registry, 'b', 'v1');
    rmSync(join(registry.dir, 'packs', hashOf('pack of a:v1')));
    await addText(registry, 'c', 'v1');
    expect(reused).toEqual([0, 1, 1]);
  });

  test('that is refused fails its addver with the reason, and nothing is added; the next upload is none the worse', async () => {
    const registry = await openRegistry();
    const hash = await upload(registry, 'bad bytes');
    for (let times = 0; times < 2; times += 1) {
      const adding = registry.versions.add({ component: 'c', version: 'v1', hash });
      await expect(adding).rejects.toMatchObject({
        kind: 'invalid',
        message: 'this is not an archive',
        hint: 'make it with tar',
      });
    }
    expect(await registry.meta.read((tx) => tx.components())).toEqual([]);
    expect(await registry.bytes.archives()).toEqual([]);
    expect(await registry.derived.list('pack')).toEqual([]);
    await addText(registry, 'c', 'v1', 'good');
  });

  test('that is refused is taken where versions are not checked, without a manifest', async () => {
    const registry = await openRegistry({ unchecked: true });
    const { hash } = await addText(registry, 'c', 'v1', 'bad bytes');
    expect(await indexed(registry, hash)).toMatchObject({ kind: 'refused' });
  });

  test('that no manifest can tell of is a version all the same', async () => {
    const registry = await openRegistry({}, async () => {
      throw new DeployError('unsupported', 'too many entries');
    });
    const { hash } = await addText(registry, 'c', 'v1', 'huge');
    expect(await indexed(registry, hash)).toMatchObject({ kind: 'refused', reason: { kind: 'unsupported' } });
  });

  test('does not expire while its addver waits', async () => {
    const { ingest, tasks, open } = gated();
    const registry = await openRegistry({}, ingest);
    const hash = await upload(registry, 'text');
    const adding = registry.versions.add({ component: 'c', version: 'v1', hash });
    while (tasks.length === 0) await new Promise(setImmediate);
    registry.pass(31 * MINUTE);
    expect((await registry.housekeeping.find()).uploads).toEqual([]);
    expect((await registry.housekeeping.collect()).uploads).toEqual([]);
    open();
    await adding;
  });

  test('that expires is not read any further, and leaves nothing', async () => {
    const { ingest, tasks, open } = gated();
    const registry = await openRegistry({}, ingest);
    const hash = await upload(registry, 'text');
    while (tasks.length === 0) await new Promise(setImmediate);
    const reading = kindOfRejection(registry.indexer.ensure(hash, 'soon'));
    registry.pass(31 * MINUTE);
    await registry.housekeeping.collect();
    expect(await reading).toBe('cancelled');
    open();
    expect(await indexed(registry, hash)).toBeUndefined();
    expect(drafts(registry)).toEqual([]);
    const again = await upload(registry, 'text');
    await registry.versions.add({ component: 'c', version: 'v1', hash: again });
  });
});

describe('what is known', () => {
  test('goes with the last that needs it', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'c', 'v1', 'text');
    await registry.housekeeping.collect();
    expect(await indexed(registry, hash)).toBeDefined();
    await registry.versions.delete({ component: 'c', version: 'v1' });
    const planned = await registry.housekeeping.find();
    expect(planned.derived.map(({ kind }) => kind)).toEqual(['manifest', 'pack']);
    expect((await registry.housekeeping.collect()).derived).toEqual(planned.derived);
    expect(await indexed(registry, hash)).toBeUndefined();
    expect([...(await registry.derived.list('manifest')), ...(await registry.derived.list('pack'))]).toEqual(
      [],
    );
  });

  test('stays while an archive is lost: hosts can still build from its pack', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'c', 'v1', 'text');
    await registry.bytes.remove(hash);
    expect((await registry.housekeeping.collect()).derived).toEqual([]);
    expect(await indexed(registry, hash)).toMatchObject({ kind: 'indexed' });
  });

  test('is made anew when a file of it is gone', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'c', 'v1', 'text');
    rmSync(join(registry.dir, 'packs', hashOf('pack of text')));
    await registry.indexer.ensure(hash, 'awaited');
    expect(await registry.derived.stat('pack', hashOf('pack of text'))).toBeDefined();
  });

  test('is not kept of an archive that was deleted meanwhile', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'c', 'v1', 'text');
    await registry.versions.delete({ component: 'c', version: 'v1' });
    await registry.housekeeping.collect();
    expect(await kindOfRejection(registry.indexer.ensure(hash, 'soon'))).toBe('not-found');
  });
});

test('archives of about the same size are offered for reuse, whatever their component', async () => {
  const tasks: IngestTask[] = [];
  const registry = await openRegistry({}, async (task, signal) => {
    tasks.push(task);
    return textIngest(task, signal);
  });
  for (const [component, size] of [
    ['tiny', 10],
    ['large', 10_000],
    ['larger', 12_000],
    ['small', 100],
  ] as const) {
    await addText(registry, component, 'v1', component.padEnd(size, '.'));
  }
  await addText(registry, 'large', 'v2', 'x'.repeat(10_500));
  expect(tasks.at(-1)?.reuse.map(({ pack }) => pack)).toEqual(
    ['large'.padEnd(10_000, '.'), 'larger'.padEnd(12_000, '.')].map((text) =>
      join(registry.dir, 'packs', hashOf(`pack of ${text}`)),
    ),
  );
});
