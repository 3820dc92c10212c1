/** The states on the way to `healthy`. */
const FORWARD_STATES = ['pending', 'fetching', 'staged', 'activating', 'validating', 'healthy'] as const;

/** The states of a configuration on a host; docs/release-life.md explains them. */
export const DEPLOY_STATES = [
  ...FORWARD_STATES,
  'failed',
  'rolling-back',
  'rolled-back',
  'inconsistent',
  'skipped',
  'rejected',
  'vetoed',
  'paused',
] as const;

export type DeployState = (typeof DEPLOY_STATES)[number];

/** Whether an attempt in this state is on the way to a healthy release, or has made one. */
export function isForward(state: DeployState): boolean {
  return FORWARD_STATES.some((forward) => forward === state);
}

/** Whether a release is being deployed. */
export function isInProgress(state: DeployState | undefined): boolean {
  return state !== undefined && isForward(state) && state !== 'healthy';
}

/** The states in which an attempt ends; each becomes a line of the history. */
export const OUTCOMES = ['healthy', 'failed', 'rolled-back', 'inconsistent'] as const;

export type Outcome = (typeof OUTCOMES)[number];

export function isOutcome(state: DeployState): state is Outcome {
  return OUTCOMES.some((outcome) => outcome === state);
}
