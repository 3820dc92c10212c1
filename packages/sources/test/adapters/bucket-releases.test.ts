import { BucketListing, keyPrefix } from '@deploy-tools/sources/adapters/bucket-releases.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kindOf } from '../../../shared/test/support/kind-of.js';

const object = (key: string) => ({ key, size: 1, changed: undefined });

test('releases are the directories below the prefix, whatever else there is', () => {
  const listing = new BucketListing('s3://r/b/p', 'p');
  listing.add(
    ['p', 'p/', 'p/a', 'p/v1/', 'p/v1/x', 'p/v1/d/y', 'p//z', 'q/v2/x', 'p/v3/x', 'pp/v4/x'].map(object),
  );
  const { releases } = listing.releases(undefined);
  expect(releases.map(({ tag, artifacts }) => [tag, artifacts.map(({ id }) => id)])).toEqual([
    ['v1', ['p/v1/x']],
    ['v3', ['p/v3/x']],
  ]);
});

test('the bucket itself may be the place', () => {
  const listing = new BucketListing('s3://r/b', '');
  listing.add(['v1/x', 'README'].map(object));
  expect(keyPrefix('')).toBe('');
  expect(listing.releases(undefined).releases.map(({ tag }) => tag)).toEqual(['v1']);
});

test('a release was made when the last of its objects was', () => {
  const listing = new BucketListing('s3://r/b', '');
  const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
  listing.add([early, late, early].map((changed, at) => ({ key: `v1/${at}`, size: 1, changed })));
  expect(listing.releases(undefined).releases[0]?.created).toBe(late);
});

test('any keys give the same listing for the same objects, and another for others', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 12 })), fc.string({ maxLength: 3 }), (keys, prefix) => {
      const of = (some: readonly string[]) => {
        const listing = new BucketListing('x', prefix);
        listing.add(some.map(object));
        return listing;
      };
      const first = of(keys).releases(undefined);
      expect(of(keys).releases(first)).toBe(first);
      const more = of([...keys, `${keyPrefix(prefix)}v/new file`]).releases(first);
      expect(more).not.toBe(first);
    }),
  );
});

test('too many objects are too many', () => {
  const listing = new BucketListing('s3://r/b', '');
  const page = Array.from({ length: 50_001 }, (_, at) => object(`v/${at}`));
  listing.add(page);
  expect(kindOf(() => listing.add(page))).toBe('too-large');
});
