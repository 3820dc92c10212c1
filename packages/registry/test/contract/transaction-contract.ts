import { setImmediate as turn } from 'node:timers/promises';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { layerOf, revisionOf, uploadOf, versionOf } from './meta-samples.js';
import type { WithStore } from './meta-store-contract.js';

/** What MetaStore promises of its transactions: isolation, order, atomicity, durability. */
export function transactionContract(withStore: WithStore): void {
  withStore('a write gives the result of its work, and sees its own writes', async (store) => {
    const seen = await store.write(async (tx) => {
      await tx.insertVersion(versionOf('code', 'v1'));
      return tx.versions('code');
    });
    expect(seen).toEqual([versionOf('code', 'v1')]);
  });

  withStore(
    'nothing of a write takes effect when its work throws; the error passes through',
    async (store) => {
      const error = new DeployError('in-use', 'no');
      const failing = store.write(async (tx) => {
        await tx.insertVersion(versionOf('code', 'v1'));
        await tx.appendRevision(revisionOf('p', 1, [layerOf('code', 'v1')]));
        await tx.putUpload(uploadOf('a'));
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      await store.read(async (tx) => {
        expect(await tx.components()).toEqual([]);
        expect(await tx.configurations()).toEqual([]);
        expect(await tx.revisions('p')).toEqual([]);
        expect(await tx.uploads()).toEqual([]);
      });
      await store.write((tx) => tx.insertVersion(versionOf('code', 'v1'))); // and it goes on
    },
  );

  withStore('a read sees every write that was resolved before it began', async (store) => {
    for (let index = 0; index < 20; index += 1) {
      await store.write((tx) => tx.insertVersion(versionOf('code', `v${index}`)));
      expect(await store.read((tx) => tx.versions('code'))).toHaveLength(index + 1);
    }
  });

  withStore('a read sees nothing of a write that has not ended', async (store) => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const writing = store.write(async (tx) => {
      await tx.insertVersion(versionOf('code', 'v1'));
      await held;
    });
    await turn();
    expect(await store.read((tx) => tx.versions('code'))).toEqual([]);
    release();
    await writing;
    expect(await store.read((tx) => tx.versions('code'))).toHaveLength(1);
  });

  withStore('a read stays on its snapshot while others write', async (store) => {
    await store.write((tx) => tx.insertVersion(versionOf('code', 'v1')));
    await store.read(async (tx) => {
      expect(await tx.versions('code')).toHaveLength(1);
      await store.write((other) => other.insertVersion(versionOf('code', 'v2')));
      expect(await tx.versions('code')).toHaveLength(1);
      expect(await tx.version('code', 'v2')).toBeUndefined();
    });
    expect(await store.read((tx) => tx.versions('code'))).toHaveLength(2);
  });

  withStore('writes run one after another, in the order of the calls', async (store) => {
    const running: string[] = [];
    const write = (label: string) =>
      store.write(async (tx) => {
        running.push(`${label} begins`);
        const number = (await tx.lastRevision('p')) + 1;
        await turn();
        await tx.appendRevision(revisionOf('p', number, [layerOf('code', label)]));
        running.push(`${label} ends`);
      });
    await Promise.all(['a', 'b', 'c'].map(write));
    expect(running).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  withStore('many writes at once lose nothing', async (store) => {
    const writes = Array.from({ length: 150 }, (_, index) =>
      store.write(async (tx) => {
        const number = (await tx.lastRevision('p')) + 1;
        await tx.appendRevision(revisionOf('p', number, [layerOf('code', `v${index}`)]));
        if (index % 10 === 9) throw new DeployError('conflict', 'given up');
      }),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(135);
    const revisions = await store.read((tx) => tx.revisions('p'));
    expect(revisions.map(({ revision }) => revision)).toEqual(
      Array.from({ length: 135 }, (_, index) => index + 1),
    );
  });

  withStore('all of a resolved write is there after reopening', async (store, { reopen }) => {
    await store.write(async (tx) => {
      await tx.insertVersion(versionOf('code', 'v1'));
      await tx.appendRevision(revisionOf('p', 1, [layerOf('code', 'v1')]));
      await tx.putUpload(uploadOf('a'));
    });
    const again = await reopen();
    await again.read(async (tx) => {
      expect(await tx.version('code', 'v1')).toEqual(versionOf('code', 'v1'));
      expect(await tx.revisions('p')).toEqual([revisionOf('p', 1, [layerOf('code', 'v1')])]);
      expect(await tx.uploads()).toEqual([uploadOf('a')]);
    });
  });

  withStore('close waits for the running transaction and rejects later ones', async (store, { reopen }) => {
    const writing = store.write(async (tx) => {
      await turn();
      await tx.insertVersion(versionOf('code', 'v1'));
    });
    const closing = store.close();
    const late = [
      kindOfRejection(store.write((tx) => tx.insertVersion(versionOf('code', 'v2')))),
      kindOfRejection(store.read((tx) => tx.components())),
    ];
    await Promise.all([writing, closing]);
    expect(await Promise.all(late)).toEqual(['internal', 'internal']);
    expect(await kindOfRejection(store.read((tx) => tx.components()))).toBe('internal');
    const again = await reopen();
    expect(await again.read((tx) => tx.versions('code'))).toEqual([versionOf('code', 'v1')]);
  });
}
