import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../agent-context.js';
import type { Pushes } from '../pushes.js';
import { Cancelled } from './called-off.js';
import { resumptionOf } from './deploy-step.js';
import type { Ledger } from './ledger.js';

/**
 * Somebody says that the deployment in progress is to end. What is live already is gone back from, once its script has ended; the
 * revision is held then until somebody says retry.
 * @param by who says so. @returns what comes of it, in a sentence.
 * @throws DeployError conflict when it cannot be cancelled, and why.
 */
export function cancelAttempt(
  { ledger, log }: Pick<AgentContext, 'ledger' | 'log'>,
  pushes: Pick<Pushes, 'cancel' | 'cancelNext'>,
  by: string,
): string {
  const attempt = ledger.inFlight;
  if (attempt === undefined) throw new DeployError('conflict', 'nothing is being deployed');
  const { step, config } = attempt;
  if (step === 'rolling-back') throw new DeployError('conflict', 'this host is rolling back already');
  log.warn({ hash: config.hash, step, by }, 'the deployment is cancelled');
  if (!pushes.cancel(by)) {
    if (resumptionOf(step) !== 'start-over') {
      pushes.cancelNext(config.hash, by);
      return 'cancelled; this host rolls back when it goes on with what was cut off: ctl status tells what that waits for';
    }
    holdWaiting(ledger, by);
  }
  if (step === 'activating') return 'cancelled; this host rolls back as soon as a script that runs has ended';
  return step === 'validating' ? 'cancelled, rolling back' : 'cancelled before anything was switched';
}

/** Of an attempt that waits for its connection nothing goes on that could end. */
function holdWaiting(ledger: Ledger, by: string): void {
  const { kind, message } = new Cancelled(by);
  ledger.step('fail', { error: { kind, message }, isHeld: true });
}
