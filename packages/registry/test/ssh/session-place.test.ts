import { SessionPlace } from '@deploy-tools/registry/ssh/session-place.js';
import { expect, it, vi } from 'vitest';

function place() {
  const [onUnused, onFree] = [vi.fn(), vi.fn()];
  return { onUnused, onFree, place: new SessionPlace({ unusedMs: 60_000, onUnused, onFree }) };
}

it('is free when its session is closed and its work is over, in whichever order', () => {
  for (const order of ['close first', 'work first']) {
    const { place: taken, onFree } = place();
    const over = taken.begin();
    const steps = [() => taken.close(), over];
    if (order === 'work first') steps.reverse();
    steps[0]?.();
    expect(onFree).not.toHaveBeenCalled();
    steps[1]?.();
    taken.close();
    expect(onFree).toHaveBeenCalledOnce();
  }
});

it('is noticed when nothing is run in it, and only then', () => {
  vi.useFakeTimers();
  try {
    const [unused, used, closed] = [place(), place(), place()];
    used.place.begin();
    closed.place.close();
    vi.advanceTimersByTime(60_000);
    expect(unused.onUnused).toHaveBeenCalledOnce();
    expect(used.onUnused).not.toHaveBeenCalled();
    expect(closed.onUnused).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});
