/** On the way to `healthy`. */
const FORWARD_STATES = ['pending', 'fetching', 'staged', 'activating', 'validating', 'healthy'] as const;

/** What a host says of a configuration; docs/release-life.md has what each means. */
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

/** Whether an attempt at this state leads, or has led, to a release that is proven. */
export function isForward(state: DeployState): boolean {
  return FORWARD_STATES.some((forward) => forward === state);
}

/** Whether a release is being deployed. */
export function isInProgress(state: DeployState | undefined): boolean {
  return state !== undefined && isForward(state) && state !== 'healthy';
}

/** How an attempt can end; such a state becomes a line of the history. */
export const OUTCOMES = ['healthy', 'failed', 'rolled-back', 'inconsistent'] as const;

export type Outcome = (typeof OUTCOMES)[number];

export function isOutcome(state: DeployState): state is Outcome {
  return OUTCOMES.some((outcome) => outcome === state);
}
