import {
  DEPLOY_STEPS,
  type DeployStep,
  isOver,
  nextStep,
  resumptionOf,
  STEP_EVENTS,
  stepAfter,
} from '@deploy-tools/agent/deploy/deploy-step.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { DEPLOY_STATES, isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const events = fc.array(fc.constantFrom(...STEP_EVENTS), { maxLength: 40 });

/** The steps of an attempt to which these happen, in order, as far as they can. */
function walk(happens: readonly (typeof STEP_EVENTS)[number][]): DeployStep[] {
  const steps: DeployStep[] = ['pending'];
  for (const event of happens) {
    const next = stepAfter(steps.at(-1) ?? 'pending', event);
    if (next !== undefined) steps.push(next);
  }
  return steps;
}

describe('the steps of an attempt', () => {
  it('lead to healthy', () => {
    const steps = walk(['fetch', 'stage', 'activate', 'validate', 'prove']);
    expect(steps).toEqual(['pending', 'fetching', 'staged', 'activating', 'validating', 'healthy']);
  });

  it('are those that are reported', () => {
    expect(DEPLOY_STEPS.filter((step) => !DEPLOY_STATES.includes(step))).toEqual([]);
    for (const step of DEPLOY_STEPS) expect(isOver(step)).toBe(isOutcome(step));
  });

  it('whatever happens: only what was proven is healthy, nothing live before staged, one way back at most', () => {
    fc.assert(
      fc.property(events, (happens) => {
        const steps = walk(happens);
        for (const [at, step] of steps.entries()) {
          const before = steps.slice(0, at);
          if (step === 'healthy') expect(before.at(-1)).toBe('validating');
          if (step === 'activating') expect(before).toContain('staged');
          if (before.includes('rolling-back'))
            expect(before.slice(before.indexOf('rolling-back'))).not.toContain('pending');
          if (isOver(step) && steps[at + 1] !== 'rolling-back') expect(at).toBe(steps.length - 1);
        }
        const back = steps.filter((step, at) => step === 'rolling-back' && steps[at - 1] !== 'rolling-back');
        expect(back.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('each has a way to an end, and one way on for an agent after one that was killed', () => {
    for (const step of DEPLOY_STEPS) {
      if (isOver(step)) {
        expect(resumptionOf(step)).toBe('nothing');
        continue;
      }
      const event = {
        nothing: 'fail',
        'start-over': 'interrupt',
        activate: 'activate',
        validate: 'validate',
        'roll-back': 'roll-back',
      } as const;
      expect(stepAfter(step, event[resumptionOf(step)])).toBeDefined();
    }
  });

  it('that cannot be are refused', () => {
    try {
      nextStep('pending', 'prove');
      expect.unreachable();
    } catch (error) {
      expect(isDeployError(error, 'internal')).toBe(true);
    }
  });
});
