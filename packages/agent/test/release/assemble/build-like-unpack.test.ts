import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeTreeSync } from '@deploy-tools/agent/release/unpack/remove-tree-sync.js';
import { unpackInto } from '@deploy-tools/agent/release/unpack/unpack-into.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { type DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Archive, makeBlob } from '../../../../../test/support/archive.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { type RawEntry, tarOf } from '../../../../shared/test/archive/tar-builder.js';
import { rawLayers } from '../unpack/raw-layers.js';
import { snapshotTree, type TreeSnapshot, withoutFreshTimes } from '../unpack/tree-snapshot.js';
import { type BuildSite, makeBuildSite, SFTP_SERVER } from './build-site.js';

type Result = TreeSnapshot | DeployError;

/** The tree that a way of making it gives, or why it refuses. */
async function resultOf(make: () => Promise<string>): Promise<Result> {
  try {
    return snapshotTree(await make());
  } catch (error) {
    if (isDeployError(error)) return error;
    throw error;
  }
}

async function unpacked(dir: string, archives: readonly Archive[]): Promise<string> {
  const into = join(dir, 'unpacked');
  removeTreeSync(into);
  mkdirSync(into, { mode: 0o755 });
  const layers = archives.map(({ path }, index) => ({ archive: path, label: `layer${index}:v1` }));
  await unpackInto({ kind: 'unpack', layers, into, policy: DEFAULT_UNPACK_POLICY, ownership: 'self' });
  return into;
}

async function built(site: BuildSite, config: AgentConfig): Promise<string> {
  const release = await site.build(config);
  if (release === undefined) throw new Error('not built of chunks');
  return release.root;
}

/** Undefined when a layer is refused by itself. */
async function configOf(site: BuildSite, archives: readonly Archive[]): Promise<AgentConfig | undefined> {
  try {
    return await site.config(...archives);
  } catch (error) {
    if (isDeployError(error)) return undefined;
    throw error;
  }
}

/** The second layer can only be unpacked over the first when its directory comes before what is in it. */
const LATE_DIRECTORY: RawEntry[][] = [
  [{ name: 'a', content: '' }],
  [
    { name: 'a/a', content: '' },
    { name: 'a', flag: '5' },
  ],
];

describeWith([SFTP_SERVER], 'a release built of chunks is what unpacking the archives gives', () => {
  it('whatever the layers do to each other, and after whatever was built before', async () => {
    const scope = testScope();
    const dir = tempDir(scope);
    const site = await makeBuildSite(scope);
    let trees = 0;
    await fc.assert(
      fc.asyncProperty(rawLayers, async (layers: RawEntry[][]) => {
        const archives = layers.map((entries, index) => makeBlob(join(dir, `${index}.tar`), tarOf(entries)));
        const begun = Date.now() - 60_000;
        const expected = await resultOf(() => unpacked(dir, archives));
        const config = await configOf(site, archives);
        if (config === undefined) {
          expect(isDeployError(expected)).toBe(true);
          return;
        }
        const ours = await resultOf(() => built(site, config));
        if (isDeployError(expected) || isDeployError(ours)) {
          expect(isDeployError(ours) && ours.kind).toBe(isDeployError(expected) && expected.kind);
          return;
        }
        expect(withoutFreshTimes(ours, expected, begun)).toEqual(withoutFreshTimes(expected, ours, begun));
        trees += 1;
        rmSync(join(site.registry, 'files'), { recursive: true });
        mkdirSync(join(site.registry, 'files'));
      }),
      { numRuns: 100, examples: [[LATE_DIRECTORY]] },
    );
    expect(trees).toBeGreaterThan(5);
  });
});
