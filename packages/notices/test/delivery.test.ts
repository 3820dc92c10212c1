import { Delivery, type DeliveryLimits } from '@deploy-tools/notices/delivery.js';
import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import type { WaitingMessage } from '@deploy-tools/notices/receiver.js';
import { wordNotice } from '@deploy-tools/notices/wording.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { type PlayedReceiver, playReceiver } from './support/played-receiver.js';
import { deployOf, failedOf, TIME } from './support/samples.js';

const log = await createLogger('test', 'silent');
let now: number;

beforeEach(() => {
  now = Date.parse(TIME);
});

function deliver(receiver: PlayedReceiver, limits: Partial<DeliveryLimits> = {}): Delivery {
  return new Delivery(receiver, { clock: () => new Date(now), log, limits: { pauseMs: 1, ...limits } });
}

const of = (revision: number, fields: Partial<DeployNotice> = {}) =>
  wordNotice(deployOf('deploy-started', { revision, ...fields }), `id-${revision}`);

/** As `revision done edition` each. */
function sent(receiver: PlayedReceiver): string[] {
  return receiver.attempts.map(({ notice }) => {
    if (!('done' in notice)) return notice.event;
    return `${notice.revision} ${notice.done}${notice.edition === undefined ? '' : ` ${notice.edition}`}`;
  });
}

const results = (delivery: Delivery) => delivery.report().log.map(({ id, result }) => `${id} ${result}`);

/** A receiver whose first message hangs until it is released. */
function blocked(fields = {}): { receiver: PlayedReceiver; release: () => void } {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { receiver: playReceiver((index) => (index === 0 ? gate : Promise.resolve()), fields), release };
}

describe('delivery', () => {
  it('one at a time, in order', async () => {
    let at = 0;
    const receiver = playReceiver(async () => {
      at += 1;
      expect(at).toBe(1);
      await Promise.resolve();
      at -= 1;
    });
    const delivery = deliver(receiver);
    for (const revision of [1, 2, 3]) delivery.offer(of(revision));
    await delivery.close(10_000);
    expect(sent(receiver)).toEqual(['1 1', '2 1', '3 1']);
    expect(delivery.report()).toMatchObject({ delivered: 3, lost: 0, waiting: 0, error: undefined });
  });

  it('tries again what was not taken, before anything else', async () => {
    const receiver = playReceiver(async (index) => {
      if (index < 2) throw new DeployError('connect', 'not now');
    });
    const delivery = deliver(receiver);
    delivery.offer(of(1));
    delivery.offer(of(2));
    await receiver.attempted(4);
    await delivery.close(10_000);
    expect(sent(receiver)).toEqual(['1 1', '1 1', '1 1', '2 1']);
    expect(delivery.report().log).toMatchObject([{ result: 'delivered', attempts: 3 }, { attempts: 1 }]);
  });

  it('what is refused for good is not tried again, and the next message says that one is missing', async () => {
    const receiver = playReceiver(async (index) => {
      if (index === 0) throw new DeployError('invalid', 'no such thing');
    });
    const delivery = deliver(receiver);
    for (const revision of [1, 2, 3]) delivery.offer(of(revision));
    await delivery.close(10_000);
    expect(receiver.attempts.map(({ body }) => body)).toEqual([
      '',
      '(1 message before this could not be delivered)',
      '',
    ]);
    expect(delivery.report()).toMatchObject({ delivered: 2, lost: 1 });
    expect(delivery.report().log[0]).toMatchObject({ result: 'refused', error: 'no such thing' });
  });

  it('a program that fails is run three times', async () => {
    const receiver = playReceiver(async () => {
      throw new DeployError('script', 'exited with status 1');
    });
    const delivery = deliver(receiver);
    delivery.offer(of(1));
    await receiver.attempted(3);
    await delivery.close(10_000);
    expect(receiver.attempts).toHaveLength(3);
  });

  it('gives a message up after a while', async () => {
    const receiver = playReceiver(async () => {
      now += 40 * 60_000;
      throw new DeployError('connect', 'not now');
    });
    const delivery = deliver(receiver);
    delivery.offer(of(1));
    await receiver.attempted(2);
    await delivery.close(10_000);
    expect(results(delivery)).toEqual(['id-1 dropped']);
  });

  it('a receiver that takes too long is left; one that does not heed its signal too', async () => {
    const receiver = playReceiver((index) => (index === 0 ? new Promise<void>(() => {}) : Promise.resolve()));
    const delivery = deliver(receiver, { attemptMs: 20 });
    delivery.offer(of(1));
    await receiver.attempted(2);
    await delivery.close(10_000);
    expect(results(delivery)).toEqual(['id-1 delivered']);
  });

  it('waits as long as it is asked to', async () => {
    const receiver = playReceiver(async (index) => {
      if (index === 0) throw new DeployError('connect', '429', { retryAfterMs: 80 });
    });
    const delivery = deliver(receiver);
    const started = performance.now();
    delivery.offer(of(1));
    await receiver.attempted(2);
    expect(performance.now() - started).toBeGreaterThanOrEqual(75);
    await delivery.close(10_000);
  });

  it('newer numbers take the place of older ones that wait; the first stays the first', async () => {
    const { receiver, release } = blocked();
    const delivery = deliver(receiver);
    delivery.offer(of(1));
    for (const done of [2, 3, 4]) delivery.offer(of(1, { done, edition: 'progress' }));
    delivery.offer(of(2));
    for (const done of [2, 3]) delivery.offer(of(2, { done, edition: 'progress' }));
    release();
    await delivery.close(10_000);
    expect(sent(receiver)).toEqual(['1 1', '1 4 progress', '2 3']);
  });

  it('newer numbers are nothing for who cannot show them in place; the last ones are', async () => {
    const receiver = playReceiver(async () => {}, { edits: false });
    const delivery = deliver(receiver);
    delivery.offer(wordNotice(failedOf('x'), 'a'));
    await receiver.attempted(1);
    delivery.offer(wordNotice(failedOf('x', { done: 2, edition: 'progress' }), 'b'));
    delivery.offer(wordNotice(failedOf('x', { done: 3, edition: 'final' }), 'c'));
    await delivery.close(10_000);
    expect(sent(receiver)).toEqual(['7 1', '7 3 final']);
  });

  it('quiet: only what went wrong and its end', async () => {
    const receiver = playReceiver(async () => {}, { quiet: true });
    const delivery = deliver(receiver);
    const recovered = { failures: 1, since: TIME, ms: 1 };
    const notices = [
      deployOf('deploy-started'),
      deployOf('deploy-succeeded'),
      failedOf('x'),
      deployOf('deploy-succeeded', { recovered }),
    ];
    for (const [at, notice] of notices.entries()) delivery.offer(wordNotice(notice, String(at)));
    await delivery.close(10_000);
    expect(receiver.attempts.map(({ id }) => id)).toEqual(['2', '3']);
  });

  it('no room: newer numbers go first, then the oldest; it is counted and said', async () => {
    const { receiver, release } = blocked();
    const delivery = deliver(receiver, { queue: 3 });
    delivery.offer(of(1));
    delivery.offer(of(1, { done: 2, edition: 'progress' }));
    for (const revision of [2, 3, 4]) delivery.offer(of(revision));
    expect(delivery.report()).toMatchObject({ waiting: 3, lost: 2 });
    release();
    await delivery.close(10_000);
    expect(sent(receiver)).toEqual(['1 1', '3 1', '4 1']);
    expect(results(delivery)).toEqual([
      ...['id-1 dropped', 'id-2 dropped', 'id-1 delivered', 'id-3 delivered', 'id-4 delivered'],
    ]);
  });

  it('the log is bounded', async () => {
    const receiver = playReceiver(async () => {});
    const delivery = deliver(receiver, { log: 5 });
    for (let revision = 1; revision <= 20; revision += 1) delivery.offer(of(revision));
    await delivery.close(10_000);
    expect(results(delivery)).toHaveLength(5);
    expect(results(delivery).at(-1)).toBe('id-20 delivered');
  });

  it('closing tries what waits once more, without its pause', async () => {
    const receiver = playReceiver(async (index) => {
      if (index === 0) throw new DeployError('connect', 'not now');
    });
    const delivery = deliver(receiver, { pauseMs: 1_000_000 });
    delivery.offer(of(1));
    await receiver.attempted(1);
    await delivery.close(10_000);
    expect(results(delivery)).toEqual(['id-1 delivered']);
    delivery.offer(of(2));
    expect(delivery.report().waiting).toBe(0);
  });

  it('closing is bounded, whatever the receiver does', async () => {
    const receiver = playReceiver(() => new Promise<void>(() => {}));
    const delivery = deliver(receiver);
    delivery.offer(of(1));
    delivery.offer(of(2));
    const started = performance.now();
    await delivery.close(50);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(receiver.attempts).toHaveLength(1);
  });

  it('what waits is in the store until it is delivered or lost, and goes on from there', async () => {
    const stored = new Map<string, WaitingMessage>();
    const put = (waiting: WaitingMessage) => void stored.set(waiting.message.id, { ...waiting });
    const takeOut = (id: string) => void stored.delete(id);
    const options = {
      clock: () => new Date(now),
      log,
      limits: { pauseMs: 1, queue: 3 },
      store: { put, takeOut },
    };
    const dead = new Delivery(
      playReceiver(() => new Promise<void>(() => {})),
      options,
    );
    for (const revision of [1, 2, 3, 4]) dead.offer(of(revision));
    dead.offer(of(4, { done: 3, edition: 'progress' }));
    await dead.close(0);
    expect([...stored.keys()]).toEqual(['id-1', 'id-3', 'id-4']);
    const receiver = playReceiver(async () => {});
    const next = new Delivery(receiver, { ...options, limits: { queue: 4 } });
    next.resume([...stored.values()]);
    next.offer(of(5));
    await next.close(10_000);
    expect(sent(receiver)).toEqual(['1 1', '3 1', '4 3', '5 1']);
    expect(stored.size).toBe(0);
  });
});
