import type { ReceiverRecord } from '@deploy-tools/registry/meta/notice-store.js';
import { expect } from 'vitest';
import type { WithStore } from './meta-store-contract.js';

function receiverOf(url: string): Omit<ReceiverRecord, 'id'> {
  const added = '2026-01-02T03:04:05.678Z';
  return {
    url,
    events: ['deploy-failed'],
    names: ['p', 'q'],
    added,
    fingerprint: 'SHA256:a',
    comment: 'alice',
  };
}

/** The notices' part of the contract of MetaStore. */
export function noticeContract(withStore: WithStore): void {
  withStore('what is not there is undefined or empty', async (store) => {
    await store.write(async ({ notices }) => {
      expect(await notices.receivers()).toEqual([]);
      expect(await notices.rollouts()).toEqual([]);
      expect(await notices.lostHosts()).toEqual([]);
      expect(await notices.thread(1, 't')).toBeUndefined();
      expect(await notices.deleteReceiver(1)).toBe(false);
      await notices.deleteLostHost('web1');
      await notices.putThread(1, { thread: 't', reference: 'r' }, 10);
      expect(await notices.thread(1, 't')).toBeUndefined();
      await notices.putWaiting(1, { id: 'a', since: 1, message: '{}' });
      expect(await notices.waiting(1)).toEqual([]);
      await notices.deleteWaiting(1, 'a');
    });
  });

  withStore('receivers keep their order; an id is never given twice', async (store, opened) => {
    const [one, two] = [receiverOf('slack://a'), { ...receiverOf('slack://b'), events: [], names: [] }];
    const ids = await store.write(async ({ notices }) => {
      const first = await notices.addReceiver(one);
      const second = await notices.addReceiver(two);
      expect(second).toEqual({ ...two, id: second.id });
      expect(await notices.deleteReceiver(second.id)).toBe(true);
      const third = await notices.addReceiver(two);
      expect(third.id).toBeGreaterThan(second.id);
      return [first.id, third.id];
    });
    const again = await opened.reopen();
    expect(await again.read(({ notices }) => notices.receivers())).toEqual([
      { ...one, id: ids[0] },
      { ...two, id: ids[1] },
    ]);
  });

  withStore('rollouts are replaced, one for each configuration', async (store, opened) => {
    await store.write(async ({ notices }) => {
      await notices.putRollout({ configuration: 'q', revision: 1, state: '{}' });
      await notices.putRollout({ configuration: 'p', revision: 1, state: '{}' });
      await notices.putRollout({ configuration: 'p', revision: 2, state: '{"a":1}' });
    });
    const again = await opened.reopen();
    expect(await again.read(({ notices }) => notices.rollouts())).toEqual([
      { configuration: 'p', revision: 2, state: '{"a":1}' },
      { configuration: 'q', revision: 1, state: '{}' },
    ]);
  });

  withStore('lost hosts are there once', async (store) => {
    await store.write(async ({ notices }) => {
      for (const host of ['web2', 'web1', 'web2', 'web3']) await notices.addLostHost(host);
      await notices.deleteLostHost('web3');
      expect(await notices.lostHosts()).toEqual(['web1', 'web2']);
    });
  });

  withStore('the newest threads of a receiver are kept; they go with it', async (store) => {
    await store.write(async ({ notices }) => {
      const { id } = await notices.addReceiver(receiverOf('slack://a'));
      const other = (await notices.addReceiver(receiverOf('slack://b'))).id;
      await notices.putThread(other, { thread: 't1', reference: 'other' }, 2);
      for (const [thread, reference] of [
        ['t1', 'a'],
        ['t2', 'b'],
        ['t1', 'c'],
        ['t3', 'd'],
      ] as const) {
        await notices.putThread(id, { thread, reference }, 2);
      }
      const kept = await Promise.all(['t1', 't2', 't3'].map((thread) => notices.thread(id, thread)));
      expect(kept).toEqual(['c', undefined, 'd']);
      expect(await notices.thread(other, 't1')).toBe('other');
      await notices.deleteReceiver(id);
      expect(await notices.thread(id, 't1')).toBeUndefined();
    });
  });

  withStore('what waits for a receiver keeps its order, and goes with it', async (store, opened) => {
    const waiting = (id: string, message = '{}', since = 5) => ({ id, since, message });
    const [id, other] = await store.write(async ({ notices }) => {
      const ids = [
        await notices.addReceiver(receiverOf('slack://a')),
        await notices.addReceiver(receiverOf('slack://b')),
      ];
      const [first = 0, second = 0] = ids.map((receiver) => receiver.id);
      for (const name of ['c', 'a', 'b']) await notices.putWaiting(first, waiting(name));
      await notices.putWaiting(first, waiting('c', '{"newer":true}', 9));
      await notices.putWaiting(second, waiting('a'));
      await notices.deleteWaiting(first, 'a');
      return [first, second] as const;
    });
    const again = await opened.reopen();
    await again.write(async ({ notices }) => {
      expect(await notices.waiting(id)).toEqual([waiting('c', '{"newer":true}'), waiting('b')]);
      await notices.deleteReceiver(id);
      expect(await notices.waiting(id)).toEqual([]);
      expect(await notices.waiting(other)).toEqual([waiting('a')]);
    });
  });
}
