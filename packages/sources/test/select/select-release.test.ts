import { compareTags, selectRelease } from '@deploy-tools/sources/select/select-release.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import fc from 'fast-check';
import { compare } from 'semver';
import { describe, expect, it } from 'vitest';
import { release, wants } from './releases.js';

function pick(tags: readonly string[], some: Partial<Wants> = {}): string | undefined {
  return selectRelease(
    tags.map((tag) => release(tag)),
    wants(some),
  ).release?.tag;
}

describe('the table of dewy', () => {
  it.each<[string, string[], Partial<Wants>, string | undefined]>([
    ['the highest, not the last', ['v1.2.3', 'v1.10.0', 'v1.9.9'], {}, 'v1.10.0'],
    ['with and without v', ['1.2.3', 'v1.2.4'], {}, 'v1.2.4'],
    ['what is no version is left out', ['nightly', 'v8', '12.3', 'abcdefg-10', '1.0.0'], {}, '1.0.0'],
    ['nothing but such', ['nightly', 'v8', '12.3', 'abcdefg-10'], {}, undefined],
    ['no pre-release', ['1.0.0', '1.1.0-rc.1'], {}, '1.0.0'],
    ['a pre-release when asked', ['1.0.0', '1.1.0-rc.1'], { preRelease: true }, '1.1.0-rc.1'],
    ['the release is newer than its pre-releases', ['1.1.0-rc.1', '1.1.0'], { preRelease: true }, '1.1.0'],
    ['rc.10 is newer than rc.9', ['1.0.0-rc.9', '1.0.0-rc.10'], { preRelease: true }, '1.0.0-rc.10'],
    ['rc is newer than beta', ['1.0.0-rc.1', '1.0.0-beta.2'], { preRelease: true }, '1.0.0-rc.1'],
    ['more parts are newer', ['1.0.0-rc', '1.0.0-rc.1'], { preRelease: true }, '1.0.0-rc.1'],
    ['a slot before the maximum', ['1.0.0+blue', '2.0.0+green', '3.0.0'], { slot: 'blue' }, '1.0.0+blue'],
    ['no release of the slot', ['2.0.0+green', '3.0.0'], { slot: 'blue' }, undefined],
    ['a slot is the whole metadata', ['1.0.0+blue.1', '0.9.0+blue'], { slot: 'blue' }, '0.9.0+blue'],
    ['any slot without one', ['1.0.0+blue', '2.0.0+green', '1.5.0'], {}, '2.0.0+green'],
    ['a constraint', ['1.1.0', '1.2.9', '1.9.1', '2.0.0'], { constraint: '^1.2' }, '1.9.1'],
    ['a constraint that nothing fits', ['1.1.0', '2.0.0'], { constraint: '^1.2' }, undefined],
    [
      'a constraint takes pre-releases when asked',
      ['1.2.0', '1.3.0-rc.1', '2.0.0-rc.1'],
      { constraint: '~1', preRelease: true },
      '1.3.0-rc.1',
    ],
    ['calendar', ['2026.02.1', '2026.11.3', '2025.12.9'], { calver: 'YYYY.0M.MICRO' }, '2026.11.3'],
    ['months are numbers', ['2026.9.1', '2026.10.0'], { calver: 'YYYY.MM.MICRO' }, '2026.10.0'],
    [
      'calendar: others are left out',
      ['9.9.9', '2026.13.1', '2026.01.1'],
      { calver: 'YYYY.0M.MICRO' },
      '2026.01.1',
    ],
    ['calendar: no pre-release', ['2026.01.1-rc1', '2025.12.1'], { calver: 'YYYY.0M.MICRO' }, '2025.12.1'],
    [
      'calendar: slots',
      ['2026.01.1+blue', '2026.02.1+green'],
      { calver: 'YYYY.0M.MICRO', slot: 'blue' },
      '2026.01.1+blue',
    ],
    ['no releases', [], {}, undefined],
  ])('%s', (_title, tags, some, expected) => {
    expect(pick(tags, some)).toBe(expected);
    expect(pick([...tags].reverse(), some)).toBe(expected);
  });

  it('the deleted latest: the next lower serves again', () => {
    const tags = ['1.0.0', '1.1.0', '1.2.0'];
    expect(pick(tags)).toBe('1.2.0');
    expect(pick(tags.slice(0, 2))).toBe('1.1.0');
  });

  it('a release without its artifact waits, and the newest complete one serves', () => {
    const selection = selectRelease(
      [
        release('1.0.0'),
        release('1.2.0', ['app_darwin_arm64.tar.gz']),
        release('1.1.0'),
        release('1.3.0', []),
      ],
      wants(),
    );
    expect(selection.release?.tag).toBe('1.1.0');
    expect(selection.waiting).toEqual([
      { tag: '1.3.0', reason: 'nothing is there for linux/amd64; it has no artifacts' },
      { tag: '1.2.0', reason: 'nothing is there for linux/amd64; it has app_darwin_arm64.tar.gz' },
    ]);
  });

  it('a pre-release by the mark of the source alone', () => {
    const marked = { ...release('1.1.0'), prerelease: true };
    expect(selectRelease([release('1.0.0'), marked], wants()).release?.tag).toBe('1.0.0');
    expect(selectRelease([release('1.0.0'), marked], wants({ preRelease: true })).release?.tag).toBe('1.1.0');
  });
});

describe('selectRelease', () => {
  it('says why nothing is picked', () => {
    const selection = selectRelease(
      [release('1.0.0-rc.1'), release('1.1.0-rc.1'), release('latest'), release('2.0.0', [])],
      wants(),
    );
    expect(selection).toMatchObject({
      release: undefined,
      reasons: [
        '2.0.0: nothing is there for linux/amd64; it has no artifacts',
        '2 left out: a pre-release, without pre-release=true',
        '1 left out: the tag is not a semantic version',
      ],
    });
  });

  it('of versions of one precedence takes the one made last, then the last tag', () => {
    const blue = { ...release('1.0.0+blue'), created: '2026-02-01T00:00:00Z' };
    const green = { ...release('1.0.0+green'), created: '2026-01-01T00:00:00Z' };
    expect(selectRelease([green, blue], wants()).release?.tag).toBe('1.0.0+blue');
    expect(pick(['1.0.0+blue', '1.0.0+green'])).toBe('1.0.0+green');
  });

  it('waits for the file of checksums when that is required', () => {
    const required = wants({ checksum: 'required' });
    const without = release('1.1.0');
    const complete = release('1.0.0', ['app_linux_amd64.tar.gz', 'checksums.txt']);
    const selection = selectRelease([without, complete], required);
    expect(selection.release?.tag).toBe('1.0.0');
    expect(selection.waiting).toEqual([
      { tag: '1.1.0', reason: 'it has no file of checksums for app_linux_amd64.tar.gz' },
    ]);
  });

  it('takes all layers of an image, and what a source has decided as it is', () => {
    const layers = ['sha256:1', 'sha256:2'];
    const image = selectRelease([release('1.0.0', layers)], wants({ choice: 'image' }));
    expect(image.release === undefined ? [] : image.artifacts.map(({ name }) => name)).toEqual(layers);
    expect(selectRelease([release('latest', ['app'])], wants({ choice: 'given' })).release?.tag).toBe(
      'latest',
    );
  });

  it('does not depend on the order, and gives the greatest by the precedence of semver', () => {
    const part = fc.nat({ max: 3 });
    const tag = fc
      .tuple(part, part, part, fc.constantFrom('', '-rc.1', '-rc.2', '-alpha', '-1', '-alpha.beta'))
      .map(([major, minor, patch, rest]) => `${major}.${minor}.${patch}${rest}`);
    fc.assert(
      fc.property(fc.uniqueArray(tag, { minLength: 1, maxLength: 12 }), fc.boolean(), (tags, preRelease) => {
        const allowed = tags.filter((name) => preRelease || !name.includes('-'));
        const greatest = [...allowed].sort(compare).at(-1);
        expect(pick(tags, { preRelease })).toBe(greatest);
        expect(pick([...tags].reverse(), { preRelease })).toBe(greatest);
      }),
    );
  });

  it('takes any tags, and picks only what was listed', () => {
    const tag = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.stringMatching(/^v?\d{1,20}\.\d\.\d[-+]?[a-z0-9.]{0,4}$/),
    );
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 5 }), fc.boolean(), (tags, byCalendar) => {
        const picked = pick(tags, byCalendar ? { calver: 'YYYY.MM.MICRO' } : {});
        if (picked !== undefined) expect(tags).toContain(picked);
      }),
    );
  });
});

describe('compareTags', () => {
  it('says which of two is older, whatever is wanted now', () => {
    expect(compareTags('v1.2.0', '1.10.0', wants())).toBeLessThan(0);
    expect(compareTags('1.0.0', '1.0.0-rc.1', wants())).toBeGreaterThan(0);
    expect(compareTags('1.0.0+blue', '1.0.0+green', wants())).toBe(0);
    expect(compareTags('2026.10.1', '2026.9.1', wants({ calver: 'YYYY.MM.MICRO' }))).toBeGreaterThan(0);
    expect(compareTags('latest', '1.0.0', wants())).toBeUndefined();
  });
});
