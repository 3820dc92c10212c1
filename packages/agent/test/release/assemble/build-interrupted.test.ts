import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFromChunks } from '@deploy-tools/agent/release/build-from-chunks.js';
import type { Sessions } from '@deploy-tools/agent/release/fetch/sessions.js';
import { removeTree } from '@deploy-tools/agent/release/unpack/run-tree-task.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { expect, it } from 'vitest';
import { type Archive, archiveOf } from '../../../../../test/support/archive.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { type Scope, testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { listTree } from '../../../../../test/support/tree.js';
import { type BuildSite, damage, makeBuildSite, openSftp, SFTP_SERVER } from './build-site.js';

/** Content that no compression makes shorter: 40 files, and one of several chunks. */
function noise(scope: Scope): { tree: string; archive: Archive } {
  const tree = tempDir(scope);
  for (let number = 0; number < 40; number++) {
    mkdirSync(join(tree, `d${number % 5}`), { recursive: true });
    writeFileSync(join(tree, `d${number % 5}`, `f${number}`), randomBytes(100_000));
  }
  writeFileSync(join(tree, 'large'), randomBytes(6_000_000));
  const path = join(tempDir(scope), 'noise.tar');
  execFileSync('find', [tree, '-exec', 'touch', '-d', '2024-05-06 07:08:09', '{}', '+']);
  execFileSync('tar', ['--format=posix', '-cf', path, '-C', tree, '.']);
  return { tree, archive: archiveOf(path) };
}

/** Sessions that end when so many bytes came over them. */
async function cutAfter(scope: Scope, site: BuildSite, bytes: number): Promise<Sessions> {
  let left = bytes;
  const ends: (() => void)[] = [];
  const another = async () => {
    const sftp = await openSftp(scope, site.registry, (count) => {
      left -= count;
      if (left < 0) for (const end of ends) end();
    });
    ends.push(() => sftp.end());
    return sftp;
  };
  const first = await another();
  return { first, another };
}

const leftovers = (site: BuildSite) =>
  readdirSync(site.store.paths.unpacked).filter((name) => name.startsWith('.new-'));

describeWith([SFTP_SERVER], 'a deployment whose connection is lost', () => {
  it('leaves what came, and the next one fetches the rest only', async () => {
    const scope = testScope();
    const site = await makeBuildSite(scope);
    const { tree, archive } = noise(scope);
    const config = await site.config(archive);
    const sessions = await cutAfter(scope, site, 6_500_000);
    const thrown = await buildFromChunks(site.store, sessions, { config, before: undefined }).catch(
      (error: unknown) => error,
    );
    expect(isDeployError(thrown, 'connect')).toBe(true);
    expect(leftovers(site)).toHaveLength(1);
    const release = await site.build(config);
    expect(listTree(release?.root ?? '')).toEqual(listTree(tree));
    expect(leftovers(site)).toEqual([]);
    // 10 MB in all, of which 6.5 came before; of what was in flight then, some was still used and some comes again.
    expect(site.received()).toBeLessThan(10_000_000 - 6_500_000 + 3_500_000);
    expect(site.received()).toBeGreaterThan(0);
  });

  it('takes nothing from it that is damaged', async () => {
    const scope = testScope();
    const site = await makeBuildSite(scope);
    const { tree, archive } = noise(scope);
    const config = await site.config(archive);
    const made = await site.build(config);
    await made?.durable;
    const half = join(site.store.paths.unpacked, '.new-0123456789ab');
    renameSync(made?.root ?? '', half);
    rmSync(site.store.paths.records, { recursive: true });
    damage(join(half, 'large'), 3_000_000);
    damage(join(half, 'd0', 'f0'), 5);
    rmSync(join(half, 'd1'), { recursive: true });
    const before = site.received();
    const release = await site.build(config);
    expect(listTree(release?.root ?? '')).toEqual(listTree(tree));
    expect(existsSync(half)).toBe(false);
    expect(site.received() - before).toBeLessThan(1_600_000);
  });
});

describeWith([SFTP_SERVER], 'a registry whose manifest or pack is of no use', () => {
  const useless: Readonly<Record<string, (registry: string) => void>> = {
    'no manifest': (registry) => emptied(join(registry, 'manifests')),
    'no pack': (registry) => emptied(join(registry, 'packs')),
    'a damaged manifest': (registry) => damaged(join(registry, 'manifests'), 100),
    'a damaged segment': (registry) => damaged(join(registry, 'packs'), 20),
    'a damaged chunk': (registry) => damaged(join(registry, 'packs'), 5_000_000),
  };

  it.each(Object.entries(useless))('with %s nothing is built, and nothing is left', async (_what, spoil) => {
    const scope = testScope();
    const site = await makeBuildSite(scope);
    const config = await site.config(noise(scope).archive);
    spoil(site.registry);
    expect(await site.build(config)).toBeUndefined();
    const { unpacked } = site.store.paths;
    expect(existsSync(unpacked) ? readdirSync(unpacked) : []).toEqual([]);
  });

  it('without manifests in the configuration nothing is tried', async () => {
    const scope = testScope();
    const site = await makeBuildSite(scope);
    const config = await site.config(noise(scope).archive);
    const layers = config.layers.map(({ manifest, ...layer }) => layer);
    const before = site.received();
    expect(await site.build({ ...config, layers })).toBeUndefined();
    expect(site.received()).toBe(before);
  });

  it('a damaged manifest on this host is fetched anew', async () => {
    const scope = testScope();
    const site = await makeBuildSite(scope);
    const { tree, archive } = noise(scope);
    const config = await site.config(archive);
    await site.build(config);
    damaged(site.store.paths.manifests, 200);
    const release = await site.build(config);
    expect(listTree(release?.root ?? '')).toEqual(listTree(tree));
  });
});

describeWith([SFTP_SERVER], 'whole archives', () => {
  it('are preferred when they are in the cache', async () => {
    const scope = testScope();
    const site = await makeBuildSite(scope);
    const { archive } = noise(scope);
    const config = await site.config(archive);
    const { cache } = site.store.paths;
    mkdirSync(cache, { recursive: true });
    execFileSync('cp', [archive.path, join(cache, archive.hash)]);
    expect(await site.build(config)).toBeUndefined();
    rmSync(join(cache, archive.hash));
    expect(await site.build(config)).toBeDefined();
  });

  it('are not preferred when everything is on disk', async () => {
    const scope = testScope();
    const site = await makeBuildSite(scope);
    const { archive } = noise(scope);
    const config = await site.config(archive);
    const { root } = (await site.build(config)) ?? { root: '' };
    const { cache } = site.store.paths;
    mkdirSync(cache, { recursive: true });
    execFileSync('cp', [archive.path, join(cache, archive.hash)]);
    const again = await site.build(config);
    expect(again?.root).toBe(root);
    await removeTree(root, new AbortController().signal);
  });
});

function emptied(dir: string): void {
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
}

function damaged(dir: string, at: number): void {
  for (const name of readdirSync(dir)) damage(join(dir, name), at);
}
