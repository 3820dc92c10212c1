import { Turns } from '@deploy-tools/shared/host/turns.js';
import { describe, expect, it } from 'vitest';

const never = new AbortController().signal;

/** Something that goes on until it is ended. */
function task() {
  let end: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const done = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { act: () => done, end, fail };
}

describe('turns', () => {
  it('let so many at once act, the others in their order, whether one fails or not', async () => {
    const turns = new Turns(2);
    const begun: number[] = [];
    const tasks = [task(), task(), task(), task()];
    const results = tasks.map(({ act }, index) =>
      turns
        .take(() => {
          begun.push(index);
          return act();
        }, never)
        .catch((error: unknown) => error),
    );
    expect(begun).toEqual([0, 1]);
    tasks[1]?.fail(new Error('no'));
    expect(await results[1]).toEqual(new Error('no'));
    expect(begun).toEqual([0, 1, 2]);
    tasks[0]?.end();
    tasks[2]?.end();
    await Promise.all([results[0], results[2]]);
    expect(begun).toEqual([0, 1, 2, 3]);
    tasks[3]?.end();
    await results[3];
  });

  it('are not waited for any more once the signal is aborted, and then not lost', async () => {
    const turns = new Turns(1);
    const [first, stop] = [task(), new AbortController()];
    const holding = turns.take(first.act, never);
    const given = turns.take(async () => 'acted', stop.signal).catch(() => 'given up');
    const next = turns.take(async () => 'acted', never);
    stop.abort();
    expect(await given).toBe('given up');
    first.end();
    await holding;
    expect(await next).toBe('acted');
    expect(await turns.take(async () => 'again', never)).toBe('again');
  });
});
