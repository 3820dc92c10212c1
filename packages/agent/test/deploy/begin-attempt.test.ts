import type { StepEvent } from '@deploy-tools/agent/deploy/deploy-step.js';
import { beginAttempt, isCurrent } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, configOf } from '../agent-context.js';

const [A, B, C] = ['a', 'b', 'c'].map((digit) => configOf({ hash: digit.repeat(64), size: 1 })) as [
  ReturnType<typeof configOf>,
  ReturnType<typeof configOf>,
  ReturnType<typeof configOf>,
];
const TO_ACTIVATE: readonly StepEvent[] = ['fetch', 'stage', 'activate'];

/** A host on which A is proven, and then a deployment of B went so far. */
async function after(...events: readonly StepEvent[]) {
  const context = await agentContext(tempDir(testScope()));
  const begin = (config: typeof A) => {
    beginAttempt(context, A, config);
    return context.ledger.inFlight?.before?.hash;
  };
  if (events.length > 0) begin(B);
  for (const event of events) context.ledger.step(event);
  return { context, begin };
}

describe('the old release of an attempt', () => {
  it('is what runs, also where that very release is deployed again', async () => {
    expect((await after()).begin(B)).toBe(A.hash);
    expect((await after()).begin(A)).toBe(A.hash);
  });

  it('is, after a script that failed, what that was told, but for that release itself the one that failed', async () => {
    const events = [...TO_ACTIVATE, 'fail'] as const;
    expect((await after(...events)).begin(B)).toBe(A.hash);
    expect((await after(...events)).begin(C)).toBe(A.hash);
    expect((await after(...events)).begin(A)).toBe(B.hash);
  });

  it('is the one that was activated, when that one failed later and nothing was gone back to', async () => {
    const events = [...TO_ACTIVATE, 'validate', 'fail'] as const;
    expect((await after(...events)).begin(B)).toBe(A.hash);
    expect((await after(...events)).begin(C)).toBe(B.hash);
    expect((await after(...events)).begin(A)).toBe(B.hash);
  });
});

it('the last good release is not current while another one is live, also after an attempt that activated nothing', async () => {
  const { context, begin } = await after(...TO_ACTIVATE, 'fail');
  expect(isCurrent(context, A, A)).toBe(false);
  begin(C);
  context.ledger.step('fail');
  expect(isCurrent(context, A, A)).toBe(false);
  expect(isCurrent((await after()).context, A, A)).toBe(true);
});
