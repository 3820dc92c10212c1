import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { Cancelled } from './called-off.js';
import { resumptionOf } from './deploy-step.js';
import type { Ledger } from './ledger.js';
import type { LoopControl } from './wishes.js';

/**
 * Cancels the deployment in progress, as an operator asked. What is live already is rolled back, once its script has ended; the
 * revision is then held until an operator says retry.
 * @param by who asked, as people know them. @returns what comes of it, in a sentence.
 * @throws DeployError conflict when it cannot be cancelled, and why.
 */
export function cancelAttempt(
  { ledger, log }: Pick<AgentContext, 'ledger' | 'log'>,
  loop: Pick<LoopControl, 'cancel'>,
  by: string,
): string {
  const attempt = ledger.inFlight;
  if (attempt === undefined) return holdWaiting(ledger);
  const { step, config } = attempt;
  if (step === 'rolling-back') throw new DeployError('conflict', 'this host is rolling back already');
  log.warn({ hash: config.hash, step, by }, 'the deployment is cancelled');
  ledger.cancel(by);
  if (!loop.cancel(by) && !endCancelled(ledger))
    return 'cancelled; this host rolls back when it resumes what was interrupted: ctl status shows what that waits for';
  if (step === 'activating') return 'cancelled; this host rolls back as soon as a script that runs has ended';
  return step === 'validating' ? 'cancelled, rolling back' : 'cancelled before anything was switched';
}

/** Holds what failed before it was live, so that it is not tried again by itself. @throws DeployError conflict when nothing waits. */
function holdWaiting(ledger: Ledger): string {
  if (!ledger.holdForGood()) throw new DeployError('conflict', 'nothing is being deployed');
  return 'nothing is being deployed; what failed is not tried again by itself any more';
}

/**
 * Ends a cancelled attempt of which nothing is live and nothing is running, as while it waits for its connection.
 * @returns false where it was not cancelled, or may be live.
 */
export function endCancelled(ledger: Ledger): boolean {
  const { inFlight } = ledger;
  if (inFlight?.cancelledBy === undefined || resumptionOf(inFlight.step) !== 'start-over') return false;
  const { kind, message } = new Cancelled(inFlight.cancelledBy);
  ledger.step('fail', { error: { kind, message }, isHeld: true });
  return true;
}
