import { CrashWatch } from '@deploy-tools/agent/process/supervise/crash-watch.js';
import type { SupervisorEvent } from '@deploy-tools/agent/process/supervise/supervisor-event.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { instantTimers } from '../../instant-timers.js';

const crashed = (generation: number, restartInMs: number): SupervisorEvent => ({
  ...{ kind: 'crashed', error: new DeployError('unhealthy', 'it ended'), generation, upMs: 5, restartInMs },
});
const started = (generation: number): SupervisorEvent => ({ kind: 'started', pid: 7, generation });

function watch(sleep = instantTimers().sleep) {
  const said: (string | undefined)[] = [];
  const crashes: CrashWatch = new CrashWatch({
    timers: { now: () => 0, sleep },
    onChange: () => said.push(crashes.crash),
  });
  return { crashes, said };
}

/** A sleep that only its signal ends. */
const forEver = (_: number, signal?: AbortSignal) =>
  new Promise<void>((_resolve, reject) => signal?.addEventListener('abort', reject));

describe('what is known of crashes', () => {
  it('is how often the program crashed, until it was up for a minute', async () => {
    const slept: number[] = [];
    const { crashes, said } = watch(async (ms) => void slept.push(ms));
    crashes.take(started(1));
    expect(crashes.crash).toBeUndefined();
    crashes.take(crashed(1, 1000));
    crashes.take(crashed(2, 2000));
    expect(said).toEqual([
      'it ended; started again after 1s',
      'it ended, 2 times in a row; started again after 2s',
    ]);
    crashes.take(started(3));
    await new Promise(setImmediate);
    expect(slept).toEqual([60_000]);
    expect(said.slice(2)).toEqual([undefined]);
    crashes.take(crashed(3, 4000));
    expect(crashes.crash).toBe('it ended; started again after 4s');
  });

  it('is over at once when another program took over, and not by one that crashes before its minute', async () => {
    const { crashes } = watch(forEver);
    crashes.take(crashed(1, 1000));
    crashes.take(started(2));
    crashes.take(crashed(2, 2000));
    await new Promise(setImmediate);
    expect(crashes.crash).toMatch(/2 times in a row/);
    crashes.take({ kind: 'in-charge', pid: 8, generation: 3 });
    expect(crashes.crash).toBeUndefined();
    crashes.close();
  });
});
