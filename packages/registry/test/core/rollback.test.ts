import { rollBack } from '@deploy-tools/registry/core/rollback.js';
import type { Outcome } from '@deploy-tools/shared/report/deploy-state.js';
import { beforeEach, describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { addText, OPERATOR, openRegistry, type TestRegistry } from '../support/open-registry.js';
import { playAgent } from '../support/played-agent.js';

const change = { author: OPERATOR, command: 'the command line' };
const stale = { ...change, ifRevision: 2 };

let registry: TestRegistry;

/** Revisions 1 to 3 of `p`: code v1, v2, v3. */
beforeEach(async () => {
  registry = await openRegistry();
  for (const version of ['v1', 'v2', 'v3']) {
    await addText(registry, 'code', version);
    if (version === 'v1') await registry.configurations.put(change, 'p', [{ component: 'code', version }]);
    else await registry.configurations.changeLayer(change, 'p', { component: 'code', version });
  }
});

const versionNow = async () =>
  (await registry.meta.read((tx) => tx.configuration('p')))?.layers.map(({ version }) => version);

describe('rolling back', () => {
  test('makes a new revision of the earlier layers, with its author', async () => {
    const { after, restored } = await rollBack(registry, change, { name: 'p', to: undefined });
    expect([after.revision, restored.revision, await versionNow()]).toEqual([4, 2, ['v2']]);
    expect(await registry.meta.read((tx) => tx.head('p'))).toMatchObject({
      command: 'the command line',
      author: { comment: OPERATOR.comment },
    });
  });

  test('twice returns to the first layers: the earlier ones are those that were rolled back', async () => {
    await rollBack(registry, change, { name: 'p', to: undefined });
    const { restored } = await rollBack(registry, change, { name: 'p', to: undefined });
    expect([restored.revision, await versionNow()]).toEqual([3, ['v3']]);
  });

  test('to a revision takes that one', async () => {
    await rollBack(registry, change, { name: 'p', to: 1 });
    expect(await versionNow()).toEqual(['v1']);
  });

  test('to what is there already makes no revision', async () => {
    const { before, after } = await rollBack(registry, change, { name: 'p', to: 3 });
    expect(after).toBe(before);
    expect(after.revision).toBe(3);
  });

  test('brings a deleted configuration back', async () => {
    await registry.configurations.delete(change, 'p');
    const { before, after, restored } = await rollBack(registry, change, { name: 'p', to: undefined });
    expect([before, after.revision, restored.revision, await versionNow()]).toEqual([
      undefined,
      5,
      3,
      ['v3'],
    ]);
    expect(await kindOfRejection(rollBack(registry, change, { name: 'p', to: 4 }))).toBe('invalid');
  });

  test('announces the revision to watchers', async () => {
    const seen: number[] = [];
    registry.events.subscribe(['p'], ({ revision }) => seen.push(revision));
    await rollBack(registry, change, { name: 'p', to: 1 });
    expect(seen).toEqual([4]);
  });
});

describe('where hosts report', () => {
  /** Says how a host's attempt at a revision ended. */
  async function lands(host: string, revision: number, state: Outcome): Promise<void> {
    const at = await registry.meta.read((tx) => tx.revision('p', revision));
    const agent = playAgent(registry, host);
    await agent.hello(['p']);
    const { hash = '' } = at ?? {};
    await agent.report({ config: 'p', state, revision, hash, deploy: `d${revision}-${state}` });
  }

  test('what failed is passed over for what landed healthy, and so again', async () => {
    for (const host of ['web1', 'web2']) {
      await lands(host, 1, 'healthy');
      await lands(host, 2, 'rolled-back');
      await lands(host, 3, 'rolled-back');
    }
    const { restored, passedOver } = await rollBack(registry, change, { name: 'p', to: undefined });
    expect(restored).toEqual({ revision: 1, landed: { healthy: 2 } });
    expect(passedOver).toEqual([{ revision: 2, landed: { 'rolled-back': 2 } }]);
    // Revision 4 has the layers of 1: there is nothing good besides.
    await expect(rollBack(registry, change, { name: 'p', to: undefined })).rejects.toThrow(
      'no earlier revision of configuration "p" is known to have landed healthy and failed nowhere: ' +
        '3: 2 rolled-back; 2: 2 rolled-back',
    );
    expect(await versionNow()).toEqual(['v1']);
  });

  test('what failed on one host, or has never landed, is passed over; the last attempt of a host counts', async () => {
    await lands('web1', 1, 'failed');
    await lands('web1', 1, 'healthy');
    await lands('web1', 2, 'healthy');
    await lands('web2', 2, 'failed');
    await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v1' });
    await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v2' }); // 5: as 2, 4 as 1
    await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v3' }); // 6: as 3
    const { restored, passedOver } = await rollBack(registry, change, { name: 'p', to: undefined });
    expect(restored).toEqual({ revision: 4, landed: { healthy: 1 } });
    expect(passedOver).toEqual([{ revision: 5, landed: { failed: 1, healthy: 1 } }]);
  });

  test('what a host says is its last good one has landed, though no attempt is on record', async () => {
    const at = await registry.meta.read((tx) => tx.revision('p', 2));
    const agent = playAgent(registry, 'web1');
    await agent.hello(['p']);
    await agent.report({ config: 'p', state: 'pending', lastGood: { hash: at?.hash ?? '' } });
    const { restored } = await rollBack(registry, change, { name: 'p', to: undefined });
    expect(restored).toEqual({ revision: 2, landed: { healthy: 1 } });
  });

  test('-to takes one that failed, and says so on standard error', async () => {
    await lands('web1', 1, 'rolled-back');
    const done = await registry.dispatcher.run({ principal: OPERATOR, via: 'exec' }, 'rollback p -to 1');
    expect([done.status, done.stderr]).toEqual([0, 'warning: revision 1 has failed before: 1 rolled-back\n']);
    expect(await versionNow()).toEqual(['v1']);
  });
});

describe('the same archives under other names', () => {
  test('are other layers: a rollback to them is a change', async () => {
    await addText(registry, 'code', 'v3-again', 'code:v3');
    await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v3-again' });
    const { before, after } = await rollBack(registry, change, { name: 'p', to: 3 });
    expect(after).not.toBe(before);
    expect(await versionNow()).toEqual(['v3']);
  });

  test('are not what rolling back looks for: it takes other content', async () => {
    await addText(registry, 'code', 'v3-again', 'code:v3');
    await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v3-again' });
    await rollBack(registry, change, { name: 'p', to: undefined });
    expect(await versionNow()).toEqual(['v2']);
  });
});

describe('rolling back is refused, and changes nothing', () => {
  test('when a version is gone, by its name', async () => {
    await registry.versions.delete({ component: 'code', version: 'v1' });
    await expect(rollBack(registry, change, { name: 'p', to: 1 })).rejects.toThrow(
      'version "v1" of component "code" is gone',
    );
    expect(await versionNow()).toEqual(['v3']);
  });

  test('when a version has other content than it had', async () => {
    await registry.versions.delete({ component: 'code', version: 'v1' });
    await addText(registry, 'code', 'v1', 'other');
    expect(await kindOfRejection(rollBack(registry, change, { name: 'p', to: 1 }))).toBe('conflict');
    expect(await versionNow()).toEqual(['v3']);
  });

  test.each([
    ['p', 9],
    ['q', undefined],
    ['q', 1],
  ])('%s to %s: not there', async (name, to) => {
    expect(await kindOfRejection(rollBack(registry, change, { name: name, to: to }))).toBe('not-found');
  });

  test('when there were no other layers', async () => {
    await registry.configurations.put(change, 'only', [{ component: 'code', version: 'v1' }]);
    expect(await kindOfRejection(rollBack(registry, change, { name: 'only', to: undefined }))).toBe(
      'not-found',
    );
  });
});

describe('a change for one revision only', () => {
  test.each([
    [
      'putConfiguration',
      () => registry.configurations.put(stale, 'p', [{ component: 'code', version: 'v1' }]),
    ],
    [
      'changeLayer',
      () => registry.configurations.changeLayer(stale, 'p', { component: 'code', version: 'v1' }),
    ],
    [
      'changeLayer to what is set',
      () => registry.configurations.changeLayer(stale, 'p', { component: 'code', version: 'v3' }),
    ],
    ['deleteConfiguration', () => registry.configurations.delete(stale, 'p')],
    ['rollBack', () => rollBack(registry, stale, { name: 'p', to: undefined })],
  ])('%s is refused when it is not the last', async (_name, work) => {
    await expect(work()).rejects.toThrow('configuration "p" is at revision 3, not at revision 2');
    expect(await kindOfRejection(work())).toBe('conflict');
    expect(await versionNow()).toEqual(['v3']);
  });

  test('is done when it is; 0 stands for none', async () => {
    await rollBack(registry, { ...change, ifRevision: 3 }, { name: 'p', to: undefined });
    const layers = [{ component: 'code', version: 'v1' }];
    await registry.configurations.put({ ...change, ifRevision: 0 }, 'new', layers);
    const again = registry.configurations.put({ ...change, ifRevision: 0 }, 'new', layers);
    await expect(again).rejects.toThrow('configuration "new" is at revision 1, not at revision 0');
  });

  test('of several at the same time one is done', async () => {
    const all = ['v1', 'v2'].map((version) =>
      registry.configurations.changeLayer({ ...change, ifRevision: 3 }, 'p', { component: 'code', version }),
    );
    const kinds = await Promise.all(all.map(kindOfRejection));
    expect(kinds.sort()).toEqual(['conflict', 'nothing thrown']);
  });
});
