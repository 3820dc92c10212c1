import { MAX_LAYERS } from '@deploy-tools/shared/config-json.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { addText, OPERATOR, openRegistry, type TestRegistry } from '../support/open-registry.js';

const { role: _role, access: _access, ...author } = OPERATOR;
const change = { author, command: 'the command line' };
const refs = (...texts: string[]) => texts.map(parseLayerRef);

async function withVersions(...names: string[]): Promise<TestRegistry> {
  const registry = await openRegistry();
  for (const name of names) {
    const { component, version } = parseLayerRef(name);
    await addText(registry, component, version);
    registry.pass(1000);
  }
  return registry;
}

const headOf = (registry: TestRegistry, name = 'p') => registry.meta.read((tx) => tx.configuration(name));

describe('putting', () => {
  test('equal layers make no revision and wake no subscriber; another order is a change', async () => {
    const registry = await withVersions('code:v1', 'config:v1');
    const both = refs('code:v1', 'config:v1');
    const { after } = await registry.configurations.put(change, 'p', both);
    const seen: string[] = [];
    registry.events.subscribe(['p'], () => seen.push('told'));
    for (const act of ['put', 'replace'] as const) {
      expect(await registry.configurations[act](change, 'p', both)).toEqual({ before: after, after });
    }
    expect(seen).toEqual([]);
    expect((await registry.configurations.put(change, 'p', both.toReversed())).after.revision).toBe(2);
  });

  test('makes revision 1, and the next one when it is put again', async () => {
    const registry = await withVersions('code:v1', 'config:v1');
    const first = await registry.configurations.put(change, 'p', refs('code:v1', 'config:v1'));
    expect(first.before).toBeUndefined();
    expect(first.after).toMatchObject({ name: 'p', revision: 1, mtime: registry.clock().toISOString() });
    expect(first.after.hash).toBe(configurationHash(first.after.layers.map(({ hash }) => hash)));
    registry.pass(5000);
    const second = await registry.configurations.put(change, 'p', refs('config:v1'));
    expect(second).toMatchObject({ before: first.after, after: { revision: 2 } });
    const [oldest, newest] = await registry.meta.read((tx) => tx.revisions('p'));
    expect(oldest).toEqual({ ...first.after, ...change });
    expect(newest?.mtime).toBe(registry.clock().toISOString());
  });

  test.each([
    ['a component twice', ['code:v1', 'code:v2'], 'invalid', 'duplicate component "code"'],
    ['no layer', [], 'invalid', 'configuration should have at least one layer'],
    ['a version that is not there', ['code:v9'], 'not-found', 'no version "v9" for component "code" found'],
    [
      'too many layers',
      Array.from({ length: MAX_LAYERS + 1 }, (_, index) => `c${index}:v`),
      'too-large',
      `a configuration has at most ${MAX_LAYERS} layers`,
    ],
  ])('with %s is refused and changes nothing', async (_what, layers, kind, message) => {
    const registry = await withVersions('code:v1', 'code:v2');
    await expect(registry.configurations.put(change, 'p', refs(...layers))).rejects.toMatchObject({
      kind,
      message,
    });
    expect(await headOf(registry)).toBeUndefined();
    expect(await registry.meta.read((tx) => tx.revisions('p'))).toEqual([]);
  });

  test.each(['a/b', '..', '', 'a\nb'])('under the name %j is refused', async (name) => {
    const registry = await withVersions('code:v1');
    expect(await kindOfRejection(registry.configurations.put(change, name, refs('code:v1')))).toBe('invalid');
  });
});

describe('replacing', () => {
  test('needs a configuration, and sets all its layers', async () => {
    const registry = await withVersions('code:v1', 'config:v1');
    const absent = registry.configurations.replace(change, 'p', refs('code:v1'));
    await expect(absent).rejects.toMatchObject({ kind: 'not-found', message: 'configuration "p" not found' });
    await registry.configurations.put(change, 'p', refs('code:v1'));
    const { after } = await registry.configurations.replace(change, 'p', refs('config:v1'));
    expect(after).toMatchObject({ revision: 2, layers: [{ component: 'config' }] });
  });
});

describe('changing one layer', () => {
  test('keeps its place', async () => {
    const registry = await withVersions('a:v1', 'code:v1', 'z:v1', 'code:v2');
    await registry.configurations.put(change, 'p', refs('z:v1', 'code:v1', 'a:v1'));
    const { after } = await registry.configurations.changeLayer(change, 'p', {
      component: 'code',
      version: 'v2',
    });
    expect(after.layers.map(({ component, version }) => `${component}:${version}`)).toEqual([
      'z:v1',
      'code:v2',
      'a:v1',
    ]);
  });

  test('to what it is already is no change', async () => {
    const registry = await withVersions('code:v1');
    const { after: first } = await registry.configurations.put(change, 'p', refs('code:v1'));
    const again = await registry.configurations.changeLayer(change, 'p', {
      component: 'code',
      version: 'v1',
    });
    expect(again).toEqual({ before: first, after: first });
    expect(await registry.meta.read((tx) => tx.revisions('p'))).toHaveLength(1);
  });

  test('refuses what does not exist, in the words of the Go registry', async () => {
    const registry = await withVersions('code:v1', 'other:v1');
    await registry.configurations.put(change, 'p', refs('code:v1'));
    const to = (name: string, component: string, version: string) =>
      registry.configurations.changeLayer(change, name, { component, version });
    await expect(to('p', 'nope', 'v1')).rejects.toThrow('no version "v1" for component "nope" found');
    await expect(to('p', 'code', 'nope')).rejects.toThrow('no version "nope" for component "code" found');
    await expect(to('nope', 'code', 'v1')).rejects.toThrow('configuration "nope" not found');
    await expect(to('p', 'other', 'v1')).rejects.toThrow('configuration has no layer for component "other"');
  });

  test('by many at once loses none', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
    const registry = await withVersions(...names.flatMap((name) => [`${name}:v1`, `${name}:v2`]));
    await registry.configurations.put(change, 'p', refs(...names.map((name) => `${name}:v1`)));
    await Promise.all(
      names.map((component) =>
        registry.configurations.changeLayer(change, 'p', { component, version: 'v2' }),
      ),
    );
    const head = await headOf(registry);
    expect(head?.revision).toBe(21);
    expect(head?.layers.every(({ version }) => version === 'v2')).toBe(true);
  });
});

describe('bumping', () => {
  test('takes the version that was added last, whatever its name', async () => {
    const registry = await withVersions('code:v9', 'code:v10', 'code:v2');
    await registry.configurations.put(change, 'p', refs('code:v9'));
    const { after } = await registry.configurations.bumpLayer(change, 'p', 'code');
    expect(after.layers[0]?.version).toBe('v2');
    const again = await registry.configurations.bumpLayer(change, 'p', 'code');
    expect(again.before).toEqual(again.after);
  });

  test('a component that is not there is not found', async () => {
    const registry = await withVersions('code:v1');
    await registry.configurations.put(change, 'p', refs('code:v1'));
    expect(await kindOfRejection(registry.configurations.bumpLayer(change, 'p', 'nope'))).toBe('not-found');
  });
});

describe('deleting', () => {
  test('keeps the history, and a new one of that name goes on counting', async () => {
    const registry = await withVersions('code:v1');
    await registry.configurations.put(change, 'p', refs('code:v1'));
    expect(await registry.configurations.delete(change, 'p')).toMatchObject({ revision: 1 });
    expect(await headOf(registry)).toBeUndefined();
    const again = registry.configurations.delete(change, 'p');
    await expect(again).rejects.toMatchObject({ kind: 'not-found', message: '"p" configuration not found' });
    const { before, after } = await registry.configurations.put(change, 'p', refs('code:v1'));
    expect([before, after.revision]).toEqual([undefined, 3]);
    const revisions = await registry.meta.read((tx) => tx.revisions('p'));
    expect(revisions.map(({ layers }) => layers.length)).toEqual([1, 0, 1]);
  });
});
