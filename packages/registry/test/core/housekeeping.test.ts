import { setImmediate as turn } from 'node:timers/promises';
import { ClockTrust } from '@deploy-tools/registry/core/clock-trust.js';
import { forgetLostUploads } from '@deploy-tools/registry/core/housekeeping.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { auditOf, hashOf } from '../contract/meta-samples.js';
import {
  addText,
  MINUTE,
  OPERATOR,
  onPorts,
  openRegistry,
  type TestRegistry,
  upload,
} from '../support/open-registry.js';

const change = { author: OPERATOR, command: 'x' };
const versionsOf = async (registry: TestRegistry, component: string) =>
  (await registry.meta.read((tx) => tx.versions(component))).map(({ version }) => version);

describe('what is freed', () => {
  test('counts bytes that an upload and an archive share once, and only when both go', async () => {
    const registry = await openRegistry();
    const { hash } = await addText(registry, 'code', 'v1', 'same');
    await registry.versions.delete({ component: 'code', version: 'v1' });
    registry.pass(20 * MINUTE);
    await upload(registry, 'same');
    for (const freed of [
      (await registry.housekeeping.find()).freed,
      (await registry.housekeeping.collect()).freed,
    ]) {
      expect(freed).toEqual({ files: 0, bytes: 0 });
    }
    const expected = await addText(registry, 'code', 'v1', 'same');
    await registry.versions.delete({ component: 'code', version: 'v1' });
    await upload(registry, 'same');
    registry.pass(31 * MINUTE);
    const planned = await registry.housekeeping.find();
    expect([planned.files, planned.uploads]).toMatchObject([[{ hash }], [{ hash }]]);
    const derived = planned.derived.reduce((sum, { size }) => sum + size, expected.size);
    expect(planned.freed).toEqual({ files: 1 + planned.derived.length, bytes: derived });
    expect((await registry.housekeeping.collect()).freed).toEqual(planned.freed);
  });
});

describe('versions', () => {
  test('the newest of each component are kept, and whatever a configuration uses', async () => {
    const registry = await openRegistry({ keepVersions: 2 });
    for (const version of ['v1', 'v2', 'v3', 'v4', 'v5']) {
      await addText(registry, 'code', version);
      await addText(registry, 'config', version);
      registry.pass(1000);
    }
    await registry.configurations.put(change, 'p', [{ component: 'code', version: 'v2' }]);
    await registry.housekeeping.collect();
    expect(await versionsOf(registry, 'code')).toEqual(['v2', 'v4', 'v5']);
    expect(await versionsOf(registry, 'config')).toEqual(['v4', 'v5']);
  });

  test('what only an old revision used is not kept', async () => {
    const registry = await openRegistry({ keepVersions: 1 });
    await addText(registry, 'code', 'v1');
    await registry.configurations.put(change, 'p', [{ component: 'code', version: 'v1' }]);
    registry.pass(1000);
    await addText(registry, 'code', 'v2');
    await registry.configurations.put(change, 'p', [{ component: 'code', version: 'v2' }]);
    await registry.housekeeping.collect();
    expect(await versionsOf(registry, 'code')).toEqual(['v2']);
  });

  test('none is surplus when 0 are to be kept: that keeps all', async () => {
    const registry = await openRegistry({ keepVersions: 0 });
    for (const version of ['v1', 'v2', 'v3']) await addText(registry, 'code', version);
    expect((await registry.housekeeping.find()).versions).toEqual([]);
  });

  test('an archive goes with its last name, not before', async () => {
    const registry = await openRegistry({ keepVersions: 1 });
    await addText(registry, 'code', 'v1', 'same');
    await addText(registry, 'other', 'v1', 'same');
    registry.pass(1000);
    await addText(registry, 'code', 'v2', 'new');
    expect((await registry.housekeeping.collect()).files).toEqual([]);
    await registry.versions.delete({ component: 'other', version: 'v1' });
    expect((await registry.housekeeping.collect()).files).toEqual([{ hash: hashOf('same'), size: 4 }]);
    expect((await registry.bytes.archives()).map(({ hash }) => hash)).toEqual([hashOf('new')]);
  });
});

describe('uploads', () => {
  test('that were read in vain are removed by gc, and by nothing else before their time', async () => {
    const registry = await openRegistry();
    const hashes: string[] = [];
    for (const text of ['bad text', 'good text', 'bad other']) hashes.push(await upload(registry, text));
    const [refused = '', good = '', other = ''] = hashes;
    const version = { component: 'c', version: 'v', hash: refused };
    expect(await kindOfRejection(registry.versions.add(version))).toBe('invalid');
    for (const hash of [good, other]) await registry.indexer.ensure(hash, 'soon');
    expect((await registry.housekeeping.collect()).uploads).toEqual([]);
    const freed = await registry.housekeeping.find('expired or in vain');
    expect(freed.uploads.map(({ hash }) => hash).sort()).toEqual([refused, other].sort());
    expect(freed.freed).toMatchObject({ files: 2, bytes: 'bad textbad other'.length });
    await registry.housekeeping.collect('expired or in vain');
    expect((await registry.bytes.uploads()).map(({ hash }) => hash)).toEqual([good]);
    await registry.versions.add({ ...version, hash: good });
  });

  test('for which there was no space to be read are removed by gc', async () => {
    const registry = await openRegistry({}, () => Promise.reject(new DeployError('no-space', 'ENOSPC')));
    const hash = await upload(registry, 'text');
    const adding = registry.versions.add({ component: 'c', version: 'v', hash });
    await expect(adding).rejects.toMatchObject({
      kind: 'no-space',
      message: `the registry's disk became full, at ${registry.dir}, while the archive was indexed`,
    });
    expect((await registry.housekeeping.collect('expired or in vain')).uploads).toMatchObject([{ hash }]);
    expect(await registry.bytes.uploads()).toEqual([]);
  });

  test('whose bytes are in no backup are forgotten at the start', async () => {
    const registry = await openRegistry();
    const [lost, kept] = [await upload(registry, 'lost'), await upload(registry, 'kept')];
    await registry.bytes.removeUpload(lost);
    expect(await forgetLostUploads(registry)).toBe(1);
    expect((await registry.meta.read((tx) => tx.uploads())).map(({ hash }) => hash)).toEqual([kept]);
  });

  test('expire after their time, bytes and all', async () => {
    const registry = await openRegistry();
    const hash = await upload(registry, 'old');
    registry.pass(29 * MINUTE);
    await upload(registry, 'new');
    expect((await registry.housekeeping.collect()).uploads).toEqual([]);
    registry.pass(2 * MINUTE);
    expect((await registry.housekeeping.find()).uploads).toMatchObject([{ hash }]);
    expect((await registry.housekeeping.collect()).uploads).toMatchObject([{ hash }]);
    expect((await registry.bytes.uploads()).map((info) => info.hash)).toEqual([hashOf('new')]);
    expect(await kindOfRejection(registry.versions.add({ component: 'c', version: 'v', hash }))).toBe(
      'not-found',
    );
  });

  test('of several owners live as long as the youngest', async () => {
    const registry = await openRegistry();
    const hash = await upload(registry, 'same', 'alice');
    registry.pass(20 * MINUTE);
    await upload(registry, 'same', 'bob');
    registry.pass(20 * MINUTE);
    expect((await registry.housekeeping.collect()).uploads).toEqual([]);
    await registry.versions.add({ component: 'c', version: 'v', hash });
  });

  test('that were stored and never recorded are removed once they cannot be in the middle of it', async () => {
    const registry = await openRegistry();
    const staged = await registry.bytes.stage();
    await staged.write(Buffer.from('lost'), 0);
    await staged.seal();
    await registry.housekeeping.collect();
    expect(await registry.bytes.uploads()).toHaveLength(1);
    registry.pass(31 * MINUTE);
    await registry.housekeeping.collect();
    expect(await registry.bytes.uploads()).toHaveLength(0);
  });

  test('sent again while the expired ones are removed, are kept', async () => {
    const real = await openRegistry();
    await upload(real, 'same');
    real.pass(31 * MINUTE);
    const { registry, again } = overtakenByAnUpload(real, 'same');
    await registry.housekeeping.collect();
    const hash = await again();
    await real.versions.add({ component: 'code', version: 'v1', hash });
  });

  test('sent again while an addver of the same bytes ends, are kept', async () => {
    const real = await openRegistry();
    const { registry, again } = overtakenByAnUpload(real, 'same');
    await registry.versions.add({ component: 'code', version: 'v1', hash: await upload(real, 'same') });
    const hash = await again();
    await real.versions.delete({ component: 'code', version: 'v1' });
    await real.housekeeping.collect();
    await real.versions.add({ component: 'code', version: 'v2', hash });
    expect((await real.bytes.stat(hash))?.size).toBe(4);
  });
});

/** Whenever an upload is about to be removed, the same bytes are sent again, as far as that goes at that moment. */
function overtakenByAnUpload(
  real: TestRegistry,
  content: string,
): { registry: TestRegistry; again: () => Promise<string> } {
  let again: Promise<string> | undefined;
  let prepared = Promise.resolve();
  const sending = withBytes(real, {
    stage: async () => {
      const staged = await real.bytes.stage();
      return {
        get size() {
          return staged.size;
        },
        write: (data, position) => staged.write(data, position),
        prepare: () => {
          prepared = staged.prepare();
          return prepared;
        },
        seal: () => staged.seal(),
        discard: () => staged.discard(),
      };
    },
  });
  const registry = withBytes(real, {
    removeUpload: async (hash) => {
      again ??= upload(sending, content);
      for (let turns = 0; turns < 20; turns += 1) await turn();
      await prepared;
      for (let turns = 0; turns < 20; turns += 1) await turn();
      await real.bytes.removeUpload(hash);
    },
  });
  return { registry, again: () => again ?? Promise.reject(new Error('nothing was removed')) };
}

test('audit records go after their time', async () => {
  const registry = await openRegistry({ auditKeepMs: 60 * MINUTE });
  const append = () =>
    registry.meta.write((tx) => tx.appendAudit(auditOf({ time: registry.clock().toISOString() })));
  await append();
  registry.pass(61 * MINUTE);
  await append();
  expect((await registry.housekeeping.collect()).auditRecords).toBe(1);
});

describe('a clock that was ahead for a while', () => {
  const DAYS = 24 * 60 * MINUTE;

  test('makes no new version an old one: not for housekeeping, bumpconf or showcomp', async () => {
    const registry = await openRegistry({ keepVersions: 3 });
    registry.jump(3 * DAYS);
    for (const version of ['v1', 'v2', 'v3', 'v4']) await addText(registry, 'code', version);
    await registry.configurations.put(change, 'p', [{ component: 'code', version: 'v3' }]);
    registry.jump(-3 * DAYS);
    const { created } = await addText(registry, 'code', 'v5');
    const before = await registry.meta.read((tx) => tx.version('code', 'v4'));
    expect(created).toBe(before?.created);
    const { after } = await registry.configurations.bumpLayer(change, 'p', 'code');
    expect(after.layers.map(({ version }) => version)).toEqual(['v5']);
    expect((await registry.housekeeping.collect()).versions.map(({ version }) => version)).toEqual([
      'v1',
      'v2',
    ]);
    const left = await registry.meta.read((tx) => tx.versions('code'));
    expect(left.map(({ version }) => version)).toEqual(['v3', 'v4', 'v5']);
  });

  test('deletes nothing by age until it has gone on steadily for a day', async () => {
    const registry = await openRegistry({ auditKeepMs: 60 * MINUTE });
    const append = () =>
      registry.meta.write((tx) => tx.appendAudit(auditOf({ time: registry.clock().toISOString() })));
    await append();
    registry.pass(10 * MINUTE);
    registry.jump(700 * DAYS);
    expect(await registry.housekeeping.collect()).toMatchObject({ auditRecords: 0, spared: true });
    registry.pass(DAYS - 1);
    expect(await registry.housekeeping.collect()).toMatchObject({ auditRecords: 0, spared: true });
    registry.pass(1);
    expect(await registry.housekeeping.collect()).toMatchObject({ auditRecords: 1, spared: false });
  });

  test('is noticed by the last record where the clock was set while the registry was stopped', async () => {
    const registry = await openRegistry({ auditKeepMs: 60 * MINUTE });
    await registry.meta.write((tx) => tx.appendAudit(auditOf({ time: registry.clock().toISOString() })));
    const reopened = async (ms: number) => {
      registry.jump(ms);
      const clockTrust = await ClockTrust.open({ ...registry, steady: () => 0 });
      return (await onPorts(registry, { clockTrust }).housekeeping.collect()).auditRecords;
    };
    expect(await reopened(8 * DAYS)).toBe(0);
    expect(await reopened(-2 * DAYS)).toBe(1);
  });
});

test('finding changes nothing', async () => {
  const registry = await openRegistry({ keepVersions: 1 });
  for (const version of ['v1', 'v2']) await addText(registry, 'code', version);
  await registry.indexer.ensure(await upload(registry, 'old'), 'soon');
  registry.pass(31 * MINUTE);
  const found = await registry.housekeeping.find();
  expect([found.versions.length, found.uploads.length, found.files.length]).toEqual([1, 1, 1]);
  expect(found.derived.map(({ kind }) => kind)).toEqual(['manifest', 'manifest', 'pack', 'pack']);
  expect(await registry.housekeeping.find()).toEqual(found);
  expect(await registry.housekeeping.collect()).toEqual(found);
  const none = await registry.housekeeping.find();
  expect([none.versions, none.uploads, none.files, none.derived]).toEqual([[], [], [], []]);
});

type Act = 'upload' | 'addver' | 'delver' | 'collect' | 'pass';

describe('whatever happens at once', () => {
  test('a named version has its bytes, and so has an upload that was acknowledged', async () => {
    const act = fc.record({
      do: fc.constantFrom<Act>('upload', 'addver', 'delver', 'collect', 'pass'),
      what: fc.nat(2),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 4, maxLength: 30 }),
        fc.array(fc.nat(4)),
        async (acts, delays) => {
          const real = await openRegistry();
          const registry = slowed(real, delays);
          await Promise.all(acts.map((one, index) => perform(registry, real, one.do, one.what, index)));
          await real.meta.read(async (tx) => {
            for (const version of await tx.versions('code')) {
              expect(await real.bytes.stat(version.hash)).toMatchObject({ size: version.size });
            }
            const there = new Set(
              [...(await real.bytes.uploads()), ...(await real.bytes.archives())].map(({ hash }) => hash),
            );
            for (const { hash } of await tx.uploads()) expect(there.has(hash)).toBe(true);
          });
        },
      ),
      { numRuns: 40 },
    );
  });
});

async function perform(
  registry: TestRegistry,
  real: TestRegistry,
  act: Act,
  what: number,
  index: number,
): Promise<void> {
  const content = `content ${what}`;
  try {
    if (act === 'upload') await upload(registry, content);
    if (act === 'addver')
      await registry.versions.add({ component: 'code', version: `v${index}`, hash: hashOf(content) });
    if (act === 'delver') await registry.versions.delete({ component: 'code', version: `v${index - 2}` });
    if (act === 'collect') await registry.housekeeping.collect();
    if (act === 'pass') real.pass(31 * MINUTE);
  } catch (error) {
    if (!isDeployError(error, 'not-found')) throw error;
  }
}

function withBytes(registry: TestRegistry, changed: Partial<TestRegistry['bytes']>): TestRegistry {
  const bytes = new Proxy(registry.bytes, {
    get: (target, name: keyof TestRegistry['bytes']) => {
      const member = changed[name] ?? target[name];
      return typeof member === 'string' ? member : member.bind(target);
    },
  });
  return onPorts(registry, { bytes });
}

/** Lets other work overtake each step of the byte store by some turns of the event loop. */
function slowed(registry: TestRegistry, delays: readonly number[]): TestRegistry {
  let step = 0;
  const wait = async () => {
    step += 1;
    for (let turns = delays[step % Math.max(1, delays.length)] ?? 0; turns > 0; turns -= 1) await turn();
  };
  const { bytes } = registry;
  return withBytes(registry, {
    promote: (hash) => wait().then(() => bytes.promote(hash)),
    removeUpload: (hash) => wait().then(() => bytes.removeUpload(hash)),
    remove: (hash) => wait().then(() => bytes.remove(hash)),
    archives: async () => {
      const found = await bytes.archives();
      await wait();
      return found;
    },
    uploads: async () => {
      const found = await bytes.uploads();
      await wait();
      return found;
    },
  });
}
