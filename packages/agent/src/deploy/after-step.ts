import type { StepEvent } from './deploy-step.js';
import { abandoned, forGood, type Hold, rejected } from './hold.js';
import { type Attempt, type Journal, withProven } from './journal.js';

/** What follows for a release from its failure. */
export interface Blame {
  /** It is not tried again before an operator says retry. */
  readonly isHeld?: boolean | undefined;
  /** It is not to blame, so nothing follows. */
  readonly isSuperseded?: boolean | undefined;
}

/** What is live after a step, where that changes it. @param attempt as the step leaves it. */
export function liveAfter(
  { live, proven = [] }: Pick<Journal, 'live' | 'proven'>,
  event: StepEvent,
  { config, before, since }: Attempt,
): Pick<Journal, 'live' | 'proven'> {
  switch (event) {
    case 'activate':
      return { live: { config, how: 'activating', since, ...(before === undefined ? {} : { before }) } };
    case 'validate':
      return { live: { ...live, config, how: 'activated', since } };
    case 'prove':
      return { live: { config, how: 'proven', since }, proven: withProven(proven, config) };
    case 'give-up':
      return { live: { config, how: 'unknown', since, ...(before === undefined ? {} : { before }) } };
    default:
      return {};
  }
}

export interface StepTaken extends Blame {
  readonly event: StepEvent;
  readonly now: Date;
}

/** What is held back after a step. @param hold what was held back before it. */
export function holdAfter(
  hold: Hold | undefined,
  { config, judged, byHand, leaving }: Attempt,
  { event, isHeld, isSuperseded, now }: StepTaken,
): Hold | undefined {
  if (event === 'prove') return undefined;
  if (byHand === true || leaving !== undefined) return hold;
  if (judged === true) return event === 'give-up' ? forGood(hold, config) : hold;
  // `restore` and `give-up` get here only from rollbacks of earlier versions, which judged a release at their end.
  const isFailure = event === 'fail' || event === 'restore' || event === 'give-up';
  if (!isFailure || isSuperseded === true) return hold;
  return isHeld === true || event === 'give-up' ? abandoned(hold, config) : rejected(hold, config, now);
}
