import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOpen } from '@deploy-tools/registry/core/fsck-problems.js';
import { describe, expect, test } from 'vitest';
import { hashOf } from '../contract/meta-samples.js';
import { addText, OPERATOR, openRegistry, type TestRegistry, upload } from '../support/open-registry.js';

const change = { author: OPERATOR, command: 'x' };

/** A registry with two versions, of which a configuration uses one. */
async function populated(): Promise<TestRegistry> {
  const registry = await openRegistry();
  await addText(registry, 'code', 'v1', 'text');
  await addText(registry, 'other', 'v1', 'more');
  await registry.configurations.put(change, 'p', [{ component: 'code', version: 'v1' }]);
  return registry;
}

const problems = async (registry: TestRegistry, repair = false) =>
  (await registry.fsck.run({ repair })).findings;
const path = (registry: TestRegistry, place: string, content: string) =>
  join(registry.dir, place, hashOf(content));
const users = { versions: ['code:v1'], configurations: ['p'] };

test('finds nothing wrong with a registry that is well, and says what it read', async () => {
  const registry = await populated();
  await registry.indexer.ensure(await upload(registry, 'an upload'), 'soon');
  expect(await registry.fsck.run({ repair: false })).toEqual({
    checked: {
      archive: { files: 2, bytes: 8 },
      upload: { files: 1, bytes: 9 },
      manifest: { files: 2, bytes: 2 * 'manifest of text'.length },
      pack: { files: 2, bytes: 2 * 'pack of text'.length },
    },
    findings: [],
  });
});

describe('archives', () => {
  const harm: [string, (registry: TestRegistry) => void, string][] = [
    ['missing', (registry) => rmSync(path(registry, 'files', 'text')), 'archive missing'],
    ['damaged', (registry) => writeFileSync(path(registry, 'files', 'text'), 'tEXt'), 'archive damaged'],
  ];

  test.each(harm)(
    '%s: named with who suffers; repaired by an upload of the same file',
    async (_what, damage, problem) => {
      const registry = await populated();
      damage(registry);
      const [found, ...others] = await problems(registry);
      expect(found).toEqual({ problem, hash: hashOf('text'), ...users });
      expect(others).toEqual([]);
      const [kept] = await problems(registry, true);
      expect(kept?.repair?.failure).toBe('upload the same file again, then run fsck -repair');
      expect(kept !== undefined && isOpen(kept)).toBe(true);
      await upload(registry, 'text');
      expect(await problems(registry, true)).toEqual([{ ...found, repair: { failure: undefined } }]);
      expect(await problems(registry)).toEqual([]);
    },
  );

  test('a damaged one does not take its good manifest and pack with it', async () => {
    const registry = await populated();
    writeFileSync(path(registry, 'files', 'text'), 'bad!');
    await problems(registry, true);
    expect(await registry.meta.read((tx) => tx.index(hashOf('text')))).toMatchObject({ kind: 'indexed' });
  });

  test('a refused archive is reported, and is no failure', async () => {
    const registry = await openRegistry({ unchecked: true });
    await addText(registry, 'code', 'v1', 'bad bytes');
    const findings = await problems(registry);
    expect(findings).toMatchObject([{ problem: 'not indexable', detail: 'this is not an archive' }]);
    expect(findings.some(isOpen)).toBe(false);
  });
});

describe('manifests and packs', () => {
  for (const kind of ['manifest', 'pack']) {
    const place = `${kind}s`;
    const content = `${kind} of text`;
    test.each([
      ['missing', (registry: TestRegistry) => rmSync(path(registry, place, content))],
      ['damaged', (registry: TestRegistry) => writeFileSync(path(registry, place, content), 'x')],
    ])(`${kind} %s: made anew from the archive`, async (state, damage) => {
      const registry = await populated();
      damage(registry);
      const found = { problem: `${kind} ${state}`, hash: hashOf(content), ...users };
      expect(await problems(registry)).toEqual([found]);
      expect(await problems(registry, true)).toEqual([{ ...found, repair: { failure: undefined } }]);
      expect(await problems(registry)).toEqual([]);
    });
  }

  test('that are whole but of another archive are made anew', async () => {
    const registry = await populated();
    await registry.meta.write(async (tx) => {
      const [text, more] = [await tx.index(hashOf('text')), await tx.index(hashOf('more'))];
      if (text?.kind !== 'indexed' || more?.kind !== 'indexed') throw new Error('not indexed');
      await tx.putIndex({ ...text, manifest: more.manifest, pack: more.pack });
    });
    const [found] = await problems(registry, true);
    expect(found).toMatchObject({ problem: 'manifest damaged', ...users, repair: { failure: undefined } });
    expect(found?.detail).toBe(`it names the archive ${hashOf('more')}`);
    expect((await problems(registry, true)).filter(isOpen)).toEqual([]);
    expect(await problems(registry)).toEqual([]);
  });

  test('an archive without them is indexed', async () => {
    const registry = await populated();
    await registry.meta.write((tx) => tx.deleteIndex(hashOf('text')));
    await registry.housekeeping.collect();
    expect(await problems(registry)).toEqual([{ problem: 'not indexed', hash: hashOf('text'), ...users }]);
    await problems(registry, true);
    expect(await registry.meta.read((tx) => tx.index(hashOf('text')))).toMatchObject({ kind: 'indexed' });
  });

  test('cannot be made anew of an archive that is damaged too', async () => {
    const registry = await populated();
    writeFileSync(path(registry, 'packs', 'pack of text'), 'x');
    rmSync(path(registry, 'files', 'text'));
    const failed = (await problems(registry, true)).map(({ problem, repair }) => [
      problem,
      typeof repair?.failure,
    ]);
    expect(failed).toEqual([
      ['archive missing', 'string'],
      ['pack damaged', 'string'],
    ]);
  });
});

describe('uploads', () => {
  test('that are missing do no harm: they had no name', async () => {
    const registry = await populated();
    await registry.indexer.ensure(await upload(registry, 'text'), 'soon');
    rmSync(path(registry, 'uploads', 'text'));
    const found = await problems(registry);
    expect(found).toMatchObject([{ problem: 'upload missing', hash: hashOf('text') }]);
    expect(found.some(isOpen)).toBe(false);
  });

  test('missing or damaged ones are forgotten; good ones stay', async () => {
    const registry = await openRegistry();
    for (const text of ['gone', 'damaged', 'good']) {
      await registry.indexer.ensure(await upload(registry, text), 'soon');
    }
    rmSync(path(registry, 'uploads', 'gone'));
    writeFileSync(path(registry, 'uploads', 'damaged'), 'x');
    const found = (await problems(registry, true)).map(({ problem, hash, repair }) => [
      problem,
      hash,
      repair,
    ]);
    expect(found).toHaveLength(2);
    expect(found).toContainEqual(['upload missing', hashOf('gone'), { failure: undefined }]);
    expect(found).toContainEqual(['upload damaged', hashOf('damaged'), { failure: undefined }]);
    expect((await registry.meta.read((tx) => tx.uploads())).map(({ hash }) => hash)).toEqual([
      hashOf('good'),
    ]);
    await registry.versions.add({ component: 'c', version: 'v', hash: hashOf('good') });
  });
});

test('files that nothing names are reported, and removed as gc does', async () => {
  const registry = await populated();
  await registry.versions.delete({ component: 'other', version: 'v1' });
  await registry.meta.write((tx) => tx.deleteIndex(hashOf('more')));
  const found = await problems(registry);
  expect(found.map(({ problem, hash }) => [problem, hash])).toEqual([
    ['nothing names it', hashOf('more')],
    ['nothing names it', hashOf('manifest of more')],
    ['nothing names it', hashOf('pack of more')],
  ]);
  expect(found.some(isOpen)).toBe(false);
  await problems(registry, true);
  expect(await problems(registry)).toEqual([]);
  expect(await registry.bytes.archives()).toHaveLength(1);
});
