import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { bootId } from '@deploy-tools/agent/host/process-identity.js';
import {
  foreignReleases,
  makeDurable,
  type Release,
  removeLeftovers,
  removeReleases,
  superfluousReleases,
  usableRelease,
} from '@deploy-tools/agent/release/release-directory.js';
import type { ReleaseStore } from '@deploy-tools/agent/release/release-store.js';
import { unpackArchives } from '@deploy-tools/agent/release/unpack-archives.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Archive, makeBlob } from '../../../../test/support/archive.js';
import { type Scope, testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { gnuTarTree, listTree, packTree } from '../../../../test/support/tree.js';
import { configOf, releaseStore } from '../agent-context.js';

interface Ground {
  readonly scope: Scope;
  readonly store: ReleaseStore;
  readonly one: Archive;
  readonly two: Archive;
}

/** An agent's directory with two archives in its cache. */
async function ground(signal?: AbortSignal): Promise<Ground> {
  const scope = testScope();
  const dir = tempDir(scope);
  const store = await releaseStore(dir, {}, signal);
  mkdirSync(store.paths.cache);
  const one = await packTree(scope, dir, 'one', { 'a.txt': 'one', 'dir/b': 'b' });
  const two = await packTree(scope, dir, 'two', { 'a.txt': 'two' });
  for (const { path, hash } of [one, two]) copyFileSync(path, join(store.paths.cache, hash));
  return { scope, store, one, two };
}

/** As a deployment has it: what an attempt before left, or a new one. */
async function obtain(store: ReleaseStore, config: AgentConfig, boot: string): Promise<Release> {
  return usableRelease(store.paths.unpacked, config.hash, boot) ?? (await unpackArchives(store, config));
}

const names = (store: ReleaseStore) => readdirSync(store.paths.unpacked).sort();

describe('a release', () => {
  it('is the tree of GNU tar under the configuration hash, and marked once it is on the disk', async () => {
    const { scope, store, one, two } = await ground();
    const config = configOf(one, two);
    const release = await unpackArchives(store, config);
    expect(release.root).toBe(join(store.paths.unpacked, config.hash));
    expect(listTree(release.root)).toEqual(await gnuTarTree(scope, [one, two]));
    await release.durable;
    expect(names(store)).toEqual([config.hash, `${config.hash}.ok`]);
  });

  it('that cannot be flushed fails for its waiter, and ends nobody else', async () => {
    const { store, one } = await ground();
    const config = configOf(one);
    mkdirSync(join(store.paths.unpacked, config.hash), { recursive: true });
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const { unpacked } = store.paths;
    const release = usableRelease(unpacked, config.hash, bootId());
    rmSync(unpacked, { recursive: true });
    // What begins later fails later.
    for (let time = 0; time < 3; time += 1)
      await expect(makeDurable(unpacked, join(unpacked, config.hash))).rejects.toThrow();
    await setImmediate();
    expect(unhandled).not.toHaveBeenCalled();
    await expect(release?.durable).rejects.toThrow();
  });

  it('is made afresh when one of an earlier deployment has its name', async () => {
    const { scope, store, one, two } = await ground();
    const [a, b] = [configOf(one), configOf(two)];
    await (await unpackArchives(store, a)).durable;
    await (await unpackArchives(store, b)).durable;
    const edited = join(store.paths.unpacked, a.hash);
    writeFileSync(join(edited, 'a.txt'), 'edited');
    writeFileSync(join(edited, 'started'), '');
    const again = await unpackArchives(store, a);
    await again.durable;
    expect(listTree(again.root)).toEqual(await gnuTarTree(scope, [one]));
    expect(names(store)).toEqual([a.hash, `${a.hash}.ok`, b.hash, `${b.hash}.ok`].sort());
  });

  it('is not marked while an unmarked one takes its place', async () => {
    const { store, one } = await ground();
    const config = configOf(one);
    await (await unpackArchives(store, config)).durable;
    rmSync(store.paths.cache, { recursive: true });
    await expect(unpackArchives(store, config)).rejects.toThrow();
    expect(names(store)).toEqual([config.hash, `${config.hash}.ok`]); // as it was
  });
});

describe('a release that was unpacked for this deployment already', () => {
  it('is used as it is, whatever a script did to it, in this boot of the host', async () => {
    const { store, one } = await ground();
    const config = configOf(one);
    await (await unpackArchives(store, config)).durable;
    const root = join(store.paths.unpacked, config.hash);
    writeFileSync(join(root, 'started'), '');
    for (const boot of [bootId(), 'another boot', '']) {
      const again = await obtain(store, config, boot);
      await again.durable;
      expect(existsSync(join(root, 'started'))).toBe(true);
    }
  });

  it('is used without its mark only when the host has not gone down since', async () => {
    const { store, one } = await ground();
    const config = configOf(one);
    const { root, durable } = await unpackArchives(store, config);
    await durable;
    rmSync(`${root}.ok`);
    writeFileSync(join(root, 'started'), '');
    await (await obtain(store, config, bootId())).durable;
    expect(existsSync(join(root, 'started'))).toBe(true);
    expect(existsSync(`${root}.ok`)).toBe(true);
    rmSync(`${root}.ok`);
    await (await obtain(store, config, 'another boot')).durable;
    expect(existsSync(join(root, 'started'))).toBe(false);
  });

  it('is made again when it is gone', async () => {
    const { scope, store, one } = await ground();
    const release = await obtain(store, configOf(one), bootId());
    await release.durable;
    expect(listTree(release.root)).toEqual(await gnuTarTree(scope, [one]));
  });
});

describe('unpacking that does not get to its end', () => {
  it('leaves nothing when an archive is none', async () => {
    const { store, one } = await ground();
    const bad = makeBlob(join(store.paths.cache, 'bad'), Buffer.alloc(2000, 'x'));
    copyFileSync(bad.path, join(store.paths.cache, bad.hash));
    const thrown = await unpackArchives(store, configOf(one, bad)).catch((error: unknown) => error);
    expect(isDeployError(thrown)).toBe(true);
    expect(String(thrown)).toContain('layer layer1:v1');
    expect(names(store)).toEqual([]);
  });

  it('leaves nothing when the agent is to stop', async () => {
    const stop = new AbortController();
    stop.abort();
    const { store, one } = await ground(stop.signal);
    const thrown = await unpackArchives(store, configOf(one)).catch((error: unknown) => error);
    expect(isDeployError(thrown, 'cancelled')).toBe(true);
    expect(names(store)).toEqual([]);
  });

  it('leaves what the next agent has a use for, or removes, when it is killed, and no release is touched', async () => {
    const { store, one } = await ground();
    const config = configOf(one);
    await (await unpackArchives(store, config)).durable;
    for (const name of ['.new-0123456789ab', '.old-0123456789ab']) {
      mkdirSync(join(store.paths.unpacked, name, 'sub'), { recursive: true });
      mkdirSync(join(store.paths.unpacked, name, 'closed'), { mode: 0o000 });
      writeFileSync(join(store.paths.unpacked, name, 'sub', 'file'), '');
    }
    await removeLeftovers(store, true);
    expect(names(store)).toEqual(['.new-0123456789ab', config.hash, `${config.hash}.ok`]);
    await removeLeftovers(store, false);
    expect(names(store)).toEqual([config.hash, `${config.hash}.ok`]);
    expect(readFileSync(join(store.paths.unpacked, config.hash, 'a.txt'), 'utf8')).toBe('one');
  });

  it('has left nothing on a host that is new', async () => {
    const store = await releaseStore(tempDir(testScope()));
    await removeLeftovers(store, false);
    expect(superfluousReleases(store.paths.unpacked, 0, { spared: new Set() })).toEqual([]);
    expect(existsSync(store.paths.unpacked)).toBe(false);
  });
});

describe('removing releases', () => {
  it('spares those that are needed, and what is no release', async () => {
    const { store, one, two } = await ground();
    const [a, b] = [configOf(one), configOf(two)];
    for (const config of [a, b]) await (await unpackArchives(store, config)).durable;
    writeFileSync(join(store.paths.unpacked, 'notes.txt'), '');
    const superfluous = superfluousReleases(store.paths.unpacked, 0, { spared: new Set([b.hash]) });
    expect(superfluous).toEqual([a.hash]);
    await removeReleases(store, superfluous);
    expect(names(store)).toEqual([b.hash, `${b.hash}.ok`, 'notes.txt'].sort());
  });

  it('leaves alone those that the Go agent made, when these are to stay', async () => {
    const { store, one, two } = await ground();
    const { unpacked, records } = store.paths;
    const [ours, theirs] = [configOf(one), configOf(two)];
    for (const config of [ours, theirs]) await (await unpackArchives(store, config)).durable;
    writeFileSync(join(unpacked, `${theirs.hash}.ok`), '');
    const ignored = foreignReleases(unpacked, records);
    expect(ignored).toEqual([theirs.hash]);
    expect(superfluousReleases(unpacked, 0, { spared: new Set(), ignored })).toEqual([ours.hash]);
    mkdirSync(records);
    writeFileSync(join(records, theirs.hash), 'made by us after all');
    expect(foreignReleases(unpacked, records)).toEqual([]);
  });

  it('begins with the oldest, and one that was never completed is older than all', async () => {
    const { store } = await ground();
    const { unpacked } = store.paths;
    const hashes = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64));
    for (const [age, hash] of hashes.entries()) {
      mkdirSync(join(unpacked, hash), { recursive: true });
      if (age === 3) continue;
      writeFileSync(join(unpacked, `${hash}.ok`), '');
      utimesSync(join(unpacked, `${hash}.ok`), 1000 - age, 1000 - age);
    }
    expect(superfluousReleases(unpacked, 2, { spared: new Set() })).toEqual([hashes[2], hashes[3]]);
    expect(superfluousReleases(unpacked, 2, { spared: new Set([hashes[3] ?? '']) })).toEqual([hashes[2]]);
    expect(superfluousReleases(unpacked, 4, { spared: new Set() })).toEqual([]);
  });
});
