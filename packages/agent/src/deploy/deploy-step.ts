import { DeployError } from '@deploy-tools/shared/errors.js';

/** How far an attempt at a revision is; docs/release-life.md says what each means, and what runs meanwhile. */
export const DEPLOY_STEPS = [
  'pending',
  'fetching',
  'staged',
  'activating',
  'validating',
  'healthy',
  'failed',
  'rolling-back',
  'rolled-back',
  'inconsistent',
] as const;

export type DeployStep = (typeof DEPLOY_STEPS)[number];

/** What moves an attempt on. `interrupt` is a veto, a lost connection or the end of the agent: nothing has failed. */
export const STEP_EVENTS = [
  'interrupt',
  'fetch',
  'stage',
  'activate',
  'validate',
  'prove',
  'fail',
  'roll-back',
  'restore',
  'give-up',
] as const;

export type StepEvent = (typeof STEP_EVENTS)[number];

/**
 * A step that leads to itself is begun anew by the agent after one that was killed. An attempt that never got live, or failed, is
 * rolled back where a release is live that was never proven.
 */
const MOVES: Readonly<Record<DeployStep, Partial<Readonly<Record<StepEvent, DeployStep>>>>> = {
  pending: { interrupt: 'pending', fetch: 'fetching', fail: 'failed', 'roll-back': 'rolling-back' },
  fetching: { interrupt: 'pending', stage: 'staged', fail: 'failed', 'roll-back': 'rolling-back' },
  staged: { interrupt: 'pending', activate: 'activating', fail: 'failed', 'roll-back': 'rolling-back' },
  activating: {
    interrupt: 'pending',
    activate: 'activating',
    validate: 'validating',
    fail: 'failed',
    'roll-back': 'rolling-back',
  },
  validating: { validate: 'validating', prove: 'healthy', fail: 'failed', 'roll-back': 'rolling-back' },
  'rolling-back': { 'roll-back': 'rolling-back', restore: 'rolled-back', 'give-up': 'inconsistent' },
  healthy: {},
  failed: { 'roll-back': 'rolling-back' },
  'rolled-back': {},
  inconsistent: {},
};

/**
 * The step after an event. A rollback leads to no second rollback, and nothing follows an end.
 * @returns undefined where the event cannot happen.
 */
export function stepAfter(step: DeployStep, event: StepEvent): DeployStep | undefined {
  return MOVES[step][event];
}

/** @throws DeployError internal where the event cannot happen. */
export function nextStep(step: DeployStep, event: StepEvent): DeployStep {
  const next = stepAfter(step, event);
  if (next === undefined) throw new DeployError('internal', `"${event}" cannot happen while ${step}`);
  return next;
}

const OVER: readonly DeployStep[] = ['healthy', 'failed', 'rolled-back', 'inconsistent'];

/** Whether the attempt is over, for good or bad. */
export function isOver(step: DeployStep): boolean {
  return OVER.includes(step);
}

/** What an agent does first when it finds an attempt at this step, whose agent was killed or stopped. */
export type Resumption = 'nothing' | 'start-over' | 'activate' | 'validate' | 'roll-back';

export function resumptionOf(step: DeployStep): Resumption {
  if (isOver(step)) return 'nothing';
  if (step === 'activating') return 'activate';
  if (step === 'validating') return 'validate';
  return step === 'rolling-back' ? 'roll-back' : 'start-over';
}
