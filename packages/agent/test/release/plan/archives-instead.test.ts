import { archivesAreBetter } from '@deploy-tools/agent/release/plan/content-plan.js';
import { expect, it } from 'vitest';

const MB = 1_000_000;

it.each([
  ['nothing to fetch either way', 0, 0, false],
  ['an archive in the cache against a few chunks', 0.5 * MB, 0, false],
  ['an archive in the cache against many', 50 * MB, 0, true],
  ['an archive that is a little smaller', 118 * MB, 108 * MB, false],
  ['one that is much smaller', 118 * MB, 60 * MB, true],
  ['one that is larger', 1 * MB, 108 * MB, false],
])('%s', (_what, chunkBytes, archiveBytes, better) => {
  expect(archivesAreBetter(chunkBytes, archiveBytes)).toBe(better);
});
