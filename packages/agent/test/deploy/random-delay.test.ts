import { delayBefore } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import { RandomDelay } from '@deploy-tools/agent/deploy/random-delay.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, configOf } from '../agent-context.js';

describe('a random delay', () => {
  const one = { hash: 'a'.repeat(64), revision: 1 };
  const two = { hash: 'b'.repeat(64), revision: 2 };

  it('is drawn once a revision, and passes', () => {
    let now = 1000;
    const draws = [0.5, 0.25];
    const delay = new RandomDelay(
      8000,
      () => draws.shift() ?? 1,
      () => now,
    );
    expect(delay.left(one)).toEqual({ ms: 4000, isDrawn: true });
    now += 3000;
    expect(delay.left(one)).toEqual({ ms: 1000, isDrawn: false });
    now += 2000;
    expect(delay.left(one).ms).toBe(0);
    expect(delay.left(two)).toEqual({ ms: 2000, isDrawn: true });
  });

  it('is none unless told', () => {
    expect(
      new RandomDelay(
        0,
        () => 1,
        () => 0,
      ).left(one),
    ).toEqual({ ms: 0, isDrawn: false });
  });

  it('does not keep a host waiting on which nothing runs, or somebody who says retry', async () => {
    const delay = new RandomDelay(
      8000,
      () => 1,
      () => 0,
    );
    const context = await agentContext(tempDir(testScope()), {}, { delay });
    const config = configOf({ hash: 'c'.repeat(64), size: 1 });
    expect(await delayBefore(context, undefined, { config, sleeps: false })).toBe(0);
    expect(await delayBefore(context, configOf(), { config, sleeps: false })).toBe(8000);
    context.ledger.begin(config, undefined);
    context.ledger.veto();
    context.ledger.retry();
    expect(await delayBefore(context, configOf(), { config, sleeps: false })).toBe(0);
  });
});
