import { layerChanges } from '@deploy-tools/registry/core/layer-changes.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashOf, versionOf } from '../contract/meta-samples.js';

const versions = fc
  .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('v1', 'v2'), fc.constantFrom('x', 'y'))
  .map(([component, version, content]) => ({ ...versionOf(component, version), hash: hashOf(content) }));
const layers = fc.uniqueArray(versions, { selector: ({ component }) => component });

/** Applies changes as a reader would: replaces, drops, adds. */
function apply(
  before: readonly ComponentVersion[],
  after: readonly ComponentVersion[],
): Set<ComponentVersion> {
  const now = new Map(before.map((layer) => [layer.component, layer]));
  for (const { component, to } of layerChanges(before, after).changes) {
    if (to === undefined) now.delete(component);
    else now.set(component, to);
  }
  return new Set(now.values());
}

test('the changes turn the one into the other, and contain nothing else', () => {
  fc.assert(
    fc.property(layers, layers, (before, after) => {
      expect(apply(before, after)).toEqual(new Set(after));
      for (const { from, to } of layerChanges(before, after).changes) expect(from).not.toEqual(to);
    }),
  );
});

test('nothing changes where nothing is other', () => {
  fc.assert(
    fc.property(layers, (same) => {
      expect(layerChanges(same, same)).toEqual({ changes: [], reordered: false });
    }),
  );
});

test('another order of the common layers is reported; an addition in between is none', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((component) => versionOf(component, 'v1'));
  if (a === undefined || b === undefined || c === undefined) throw new Error('three');
  expect(layerChanges([a, b], [b, a]).reordered).toBe(true);
  expect(layerChanges([a, b], [a, c, b]).reordered).toBe(false);
  expect(layerChanges([a, c, b], [a, b]).reordered).toBe(false);
});
