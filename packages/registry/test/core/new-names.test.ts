import { checkWatchedNames } from '@deploy-tools/registry/core/watch.js';
import { expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { revisionOf, versionOf } from '../contract/meta-samples.js';
import { addText, OPERATOR, openRegistry, upload } from '../support/open-registry.js';

const CHANGE = { author: OPERATOR, command: 'test' };
/** Looks like `web`. */
const UNSEEN = 'web\u3164';

test('a component, a version or a configuration that looks like another cannot be made', async () => {
  const registry = await openRegistry();
  const layer = await addText(registry, 'code', 'v1');
  const hash = await upload(registry, 'other');
  expect(await kindOfRejection(registry.versions.add({ component: UNSEEN, version: 'v1', hash }))).toBe(
    'invalid',
  );
  expect(await kindOfRejection(registry.versions.add({ component: 'code', version: 'v\u00a02', hash }))).toBe(
    'invalid',
  );
  expect(await kindOfRejection(registry.configurations.put(CHANGE, 'we\u0301b', [layer]))).toBe('invalid');
  const track = {
    component: UNSEEN,
    source: 'ghr://owner/name',
    bump: [],
    intervalMs: 60_000,
    os: 'linux',
    arch: 'amd64',
    slot: undefined,
  };
  expect(await kindOfRejection(registry.tracks.add(CHANGE, track))).toBe('invalid');
});

test('those that are there already stay usable', async () => {
  const registry = await openRegistry();
  const there = { ...versionOf(UNSEEN, 'v\u00a01'), hash: (await addText(registry, 'code', 'v1')).hash };
  await registry.meta.write(async (tx) => {
    await tx.insertVersion(there);
    await tx.appendRevision(revisionOf(UNSEEN, 1, [there]));
    await tx.appendRevision(revisionOf(UNSEEN, 2, []));
  });
  await registry.configurations.put(CHANGE, UNSEEN, [there]); // deleted, and made anew
  await registry.versions.add({ component: UNSEEN, version: 'v2', hash: await upload(registry, 'other') });
  const { after } = await registry.configurations.replace(CHANGE, UNSEEN, [
    { component: UNSEEN, version: 'v2' },
  ]);
  expect(after).toMatchObject({ name: UNSEEN, revision: 4 });
  expect(checkWatchedNames([UNSEEN])).toEqual([UNSEEN]);
});
