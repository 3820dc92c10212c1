import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, test, vi } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import {
  addText,
  MINUTE,
  NEVER,
  OPERATOR,
  onPorts,
  openRegistry,
  type TestRegistry,
  upload,
} from '../support/open-registry.js';

/** The registry, of which a transaction that adds a version fails when it is to be committed. */
function onFullDisk(registry: TestRegistry): TestRegistry {
  return onPorts(registry, {
    meta: {
      read: (work) => registry.meta.read(work),
      write: (work) =>
        registry.meta.write(async (tx) => {
          const before = (await tx.versions('code')).length;
          const result = await work(tx);
          if ((await tx.versions('code')).length > before) throw new DeployError('no-space', 'full');
          return result;
        }),
      shrink: () => registry.meta.shrink(),
      close: () => registry.meta.close(),
    },
  });
}

const change = { author: OPERATOR, command: 'x' };

describe('adding a version', () => {
  test('names an upload, which is then no upload any more', async () => {
    const registry = await openRegistry();
    const hash = await upload(registry, 'content');
    const added = await registry.versions.add({
      component: 'code',
      version: 'v 02',
      hash: hash.toUpperCase(),
    });
    const created = registry.clock().toISOString();
    const version = { component: 'code', version: 'v 02', hash, size: 7, created };
    expect(added).toEqual({ version, isNew: true });
    expect(await registry.bytes.uploads()).toEqual([]);
    expect(await registry.meta.read((tx) => tx.uploads())).toEqual([]);
  });

  test('of bytes that are stored already needs no upload', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'code', 'v1', 'same');
    await registry.versions.add({ component: 'code', version: 'v2', hash });
    await registry.versions.add({ component: 'other', version: 'v1', hash });
    expect(await registry.bytes.archives()).toHaveLength(1);
  });

  test('that exists with the same content leaves it as it is, sends no notice, and keeps no upload', async () => {
    const registry = await openRegistry();
    const version = await addText(registry, 'code', 'v1', 'same');
    registry.pass(MINUTE);
    const tell = vi.spyOn(registry.notices, 'notify');
    for (const isSentAgain of [false, true]) {
      if (isSentAgain) await upload(registry, 'same');
      const again = await registry.versions.add({ component: 'code', version: 'v1', hash: version.hash });
      expect(again).toEqual({ version, isNew: false });
      expect(await registry.bytes.uploads()).toEqual([]);
      expect(await registry.meta.read((tx) => tx.uploads())).toEqual([]);
    }
    expect(tell).not.toHaveBeenCalled();
    expect(await registry.bytes.archives()).toHaveLength(1);
  });

  test('whose archive was lost takes an upload of it, and is not said to be there without', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'code', 'v1', 'same');
    rmSync(join(registry.dir, 'files', hash));
    const wanted = { component: 'code', version: 'v1', hash };
    expect(await kindOfRejection(registry.versions.add(wanted))).toBe('not-found');
    await upload(registry, 'same');
    expect(await registry.versions.add(wanted)).toMatchObject({ isNew: false });
    expect(await registry.bytes.archives()).toMatchObject([{ hash }]);
  });

  test('that is there and is deleted meanwhile is added anew, with all checks', async () => {
    const real = await openRegistry();
    const { hash } = await addText(real, 'code', 'v1', 'same');
    let isDeleted = false;
    const read: TestRegistry['meta']['read'] = async (work) => {
      const result = await real.meta.read(work);
      if (!isDeleted) {
        isDeleted = true;
        await real.versions.delete({ component: 'code', version: 'v1' });
      }
      return result;
    };
    const { meta } = real;
    const registry = onPorts(real, {
      meta: {
        read,
        write: meta.write.bind(meta),
        shrink: meta.shrink.bind(meta),
        close: meta.close.bind(meta),
      },
    });
    const added = await registry.versions.add({ component: 'code', version: 'v1', hash });
    expect(added).toMatchObject({ isNew: true, version: { hash } });
  });

  test('that exists is refused with other content, and with any where it is to be new', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'code', 'v1');
    const again = registry.versions.add({ component: 'code', version: 'v1', hash, insistNew: true });
    await expect(again).rejects.toThrow(
      'version "v1" of component "code" already exists, with the same content',
    );
    const other = registry.versions.add({
      component: 'code',
      version: 'v1',
      hash: await upload(registry, 'other'),
    });
    await expect(other).rejects.toThrow('already exists, with other content');
  });

  test('by many at once under one name is done once, and well for all with the same content', async () => {
    const registry = await openRegistry();
    const [hash, other] = [await upload(registry, 'same'), await upload(registry, 'other')];
    const tell = vi.spyOn(registry.notices, 'notify');
    const same = Array.from({ length: 8 }, () =>
      registry.versions.add({ component: 'c', version: 'v', hash }),
    );
    const refused = kindOfRejection(registry.versions.add({ component: 'c', version: 'v', hash: other }));
    const added = await Promise.all(same);
    expect(added.map(({ isNew }) => isNew).sort()).toEqual([...Array(7).fill(false), true]);
    expect(new Set(added.map(({ version }) => version.created)).size).toBe(1);
    expect(await refused).toBe('exists');
    expect(tell).toHaveBeenCalledTimes(1);
    expect((await registry.bytes.uploads()).map((upload) => upload.hash)).toEqual([other]);
  });

  test('by many at once that is to be new is done for one', async () => {
    const registry = await openRegistry();
    const wanted = { component: 'c', version: 'v', hash: await upload(registry, 'same'), insistNew: true };
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => kindOfRejection(registry.versions.add(wanted))),
    );
    expect(outcomes.sort()).toEqual([...Array(7).fill('exists'), 'nothing thrown']);
  });

  test('that is not recorded, as on a full disk, leaves an upload and no archive', async () => {
    const real = await openRegistry();
    const hash = await upload(real, 'content');
    const wanted = { component: 'code', version: 'v1', hash };
    expect(await kindOfRejection(onFullDisk(real).versions.add(wanted))).toBe('no-space');
    expect(await real.bytes.archives()).toEqual([]);
    expect(await real.bytes.uploads()).toMatchObject([{ hash, size: 7 }]);
    expect(await real.housekeeping.collect()).toMatchObject({ files: [], freed: { files: 0, bytes: 0 } });
    await real.versions.add(wanted);
    expect(await real.bytes.archives()).toMatchObject([{ hash }]);
  });

  test('that is not recorded leaves an archive that others name as it is', async () => {
    const real = await openRegistry();
    const { hash } = await addText(real, 'code', 'v1', 'same');
    await upload(real, 'same');
    const again = onFullDisk(real).versions.add({ component: 'code', version: 'v2', hash });
    expect(await kindOfRejection(again)).toBe('no-space');
    expect(await real.bytes.archives()).toMatchObject([{ hash }]);
  });

  test.each([
    [{ component: 'a:b', version: 'v', hash: '0'.repeat(64) }, 'invalid'],
    [{ component: 'a', version: '', hash: '0'.repeat(64) }, 'invalid'],
    [{ component: 'a', version: 'v', hash: '0000' }, 'invalid'],
    [{ component: 'a', version: 'v', hash: '0'.repeat(64) }, 'not-found'],
  ])('%j is %s', async (wanted, kind) => {
    expect(await kindOfRejection((await openRegistry()).versions.add(wanted))).toBe(kind);
  });
});

describe('deleting', () => {
  test('a version or a component that a configuration uses is refused, and names it', async () => {
    const registry = await openRegistry();
    for (const version of ['v1', 'v2']) await addText(registry, 'code', version);
    await registry.configurations.put(change, 'project1', [{ component: 'code', version: 'v1' }]);
    const version = registry.versions.delete({ component: 'code', version: 'v1' });
    await expect(version).rejects.toMatchObject({
      kind: 'in-use',
      message: 'version is used by configuration "project1"',
    });
    const component = registry.versions.deleteComponent('code');
    await expect(component).rejects.toThrow('component is used by configuration "project1"');
    await registry.versions.delete({ component: 'code', version: 'v2' });
  });

  test('a component deletes all its versions', async () => {
    const registry = await openRegistry();
    for (const version of ['v1', 'v2']) await addText(registry, 'code', version);
    expect(await registry.versions.deleteComponent('code')).toHaveLength(2);
    expect(await registry.meta.read((tx) => tx.components())).toEqual([]);
    expect(await kindOfRejection(registry.versions.deleteComponent('code'))).toBe('not-found');
    expect(await kindOfRejection(registry.versions.delete({ component: 'code', version: 'v1' }))).toBe(
      'not-found',
    );
  });
});

describe('uploading', () => {
  test('beyond the limit is refused at the first byte too many, and keeps failing', async () => {
    const registry = await openRegistry({ maxUpload: 100 });
    const opened = await registry.uploads.begin('x');
    await opened.write(Buffer.alloc(100), 0);
    expect(await kindOfRejection(opened.write(Buffer.alloc(1), 100))).toBe('too-large');
    expect(await kindOfRejection(opened.write(Buffer.alloc(1), 0))).toBe('too-large');
    expect(await kindOfRejection(opened.seal(NEVER))).toBe('too-large');
    await opened.discard();
    expect(await registry.bytes.clean()).toBe(0);
  });

  test('below the reserve of free space is refused before it begins', async () => {
    const registry = await openRegistry({ minFree: Number.MAX_SAFE_INTEGER });
    expect(await kindOfRejection(registry.uploads.begin('x'))).toBe('no-space');
  });
});
