import { DeployError } from '@deploy-tools/shared/errors.js';

/** The steps of an attempt at a revision. docs/release-life.md explains each, and which release runs meanwhile. */
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

/** The events that lead to another step. `interrupt`, such as a veto, a lost connection or the end of the agent, is no failure. */
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
 * Where a step leads to itself, the next agent begins it anew after a kill. An attempt that failed or was never live rolls back if an
 * unproven release is live.
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

/** The step after an event; undefined where the event cannot happen. */
export function stepAfter(step: DeployStep, event: StepEvent): DeployStep | undefined {
  return MOVES[step][event];
}

/** The step after an event. @throws DeployError internal where the event cannot happen. */
export function nextStep(step: DeployStep, event: StepEvent): DeployStep {
  const next = stepAfter(step, event);
  if (next === undefined) throw new DeployError('internal', `"${event}" cannot happen while ${step}`);
  return next;
}

const OVER: readonly DeployStep[] = ['healthy', 'failed', 'rolled-back', 'inconsistent'];

export function isOver(step: DeployStep): boolean {
  return OVER.includes(step);
}

/** How an agent resumes an attempt that another agent left at a step. */
export type Resumption = 'nothing' | 'start-over' | 'activate' | 'validate' | 'roll-back';

export function resumptionOf(step: DeployStep): Resumption {
  if (isOver(step)) return 'nothing';
  if (step === 'activating') return 'activate';
  if (step === 'validating') return 'validate';
  return step === 'rolling-back' ? 'roll-back' : 'start-over';
}
