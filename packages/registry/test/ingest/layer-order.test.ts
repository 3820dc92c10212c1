import type { LayerEntry } from '@deploy-tools/registry/ingest/layer-entry.js';
import { comparePaths, layerOrder } from '@deploy-tools/registry/ingest/layer-order.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memberPaths } from '../../../shared/test/layers/manifest-values.js';

function entry(type: LayerEntry['type'], path: string, target = ''): LayerEntry {
  return {
    type,
    path,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    chunks: [],
    target,
    deviceMajor: 0,
    deviceMinor: 0,
    seconds: 0,
    nanoseconds: 0,
  };
}
const shown = (entries: readonly LayerEntry[]) =>
  entries.map(({ type, path, target }) =>
    target === '' ? `${type} ${path}` : `${type} ${path} -> ${target}`,
  );

describe('comparePaths', () => {
  it('is the order of bytes with a slash before every other', () => {
    fc.assert(
      fc.property(memberPaths, memberPaths, (a, b) => {
        const [left, right] = [a, b].map((path) => Buffer.from(path.replaceAll('/', '\0'), 'latin1'));
        expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(left ?? Buffer.of(), right ?? Buffer.of()));
      }),
    );
  });

  it('keeps a directory and what it holds together', () => {
    expect(['a-b', 'a/z', 'a', '', 'a.b', 'a/b'].sort(comparePaths)).toEqual([
      '',
      'a',
      'a/b',
      'a/z',
      'a-b',
      'a.b',
    ]);
  });
});

describe('layerOrder', () => {
  it('does not depend on the order of the archive', () => {
    const files = fc.uniqueArray(memberPaths, { minLength: 1, maxLength: 12 });
    const shuffles = files.chain((paths) =>
      fc.tuple(
        fc.shuffledSubarray(paths, { minLength: paths.length }),
        fc.shuffledSubarray(paths, { minLength: paths.length }),
      ),
    );
    fc.assert(
      fc.property(shuffles, ([one, other]) => {
        const of = (paths: readonly string[]) => layerOrder(paths.map((path) => entry('file', path)));
        expect(of(one)).toEqual(of(other));
      }),
    );
  });

  it('gives a group of hard links the same file, whichever name the archive had it under', () => {
    const names = ['b', 'd/x', 'c', 'a/y'];
    const others = ['bb', 'a', 'd'];
    const shuffles = fc.shuffledSubarray(names, { minLength: names.length });
    // Each link names any of those before it.
    fc.assert(
      fc.property(
        shuffles,
        fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
        ([first = '', ...links], picks) => {
          const archive = [
            ...others.map((path) => entry('file', path)),
            entry('file', first),
            ...links.map((path, at) =>
              entry('hardlink', path, [first, ...links][(picks[at] ?? 0) % (at + 1)]),
            ),
          ];
          expect(shown(layerOrder(archive))).toEqual(
            [
              'file a',
              'file a/y',
              'file b',
              'file bb',
              'file d',
              'hardlink b -> a/y',
              'hardlink c -> a/y',
              'hardlink d/x -> a/y',
            ].filter((line) => line !== 'file b'),
          );
        },
      ),
    );
  });

  it.each<[string, LayerEntry[]]>([
    ['a path twice', [entry('file', 'b'), entry('file', 'a'), entry('file', 'b')]],
    ['a link in place of a file', [entry('file', 'b'), entry('file', 'a'), entry('hardlink', 'b', 'a')]],
    [
      'a link to something outside of it',
      [entry('file', 'b'), entry('file', 'a'), entry('hardlink', 'c', 'x')],
    ],
    ['a link before its target', [entry('hardlink', 'c', 'b'), entry('file', 'b'), entry('file', 'a')]],
    [
      'a directory after something in it',
      [entry('file', 'b/c/d'), entry('file', 'a'), entry('directory', 'b')],
    ],
    ['a link to itself', [entry('file', 'b'), entry('file', 'a'), entry('hardlink', 'a', 'a')]],
    ['a link to a directory', [entry('directory', 'b'), entry('file', 'a'), entry('hardlink', 'c', 'b')]],
  ])('keeps the order of an archive that has %s', (_what, archive) => {
    expect(layerOrder(archive)).toEqual(archive);
  });

  it('takes a hard link to a symlink for the symlink', () => {
    const archive = [entry('symlink', 'b', 'x'), entry('hardlink', 'a', 'b')];
    expect(shown(layerOrder(archive))).toEqual(['symlink a -> x', 'hardlink b -> a']);
  });
});
