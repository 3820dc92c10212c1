import type { AgentContext } from './agent-context.js';
import type { Attempt } from './journal.js';
import type { LoopControl } from './wishes.js';

/** Who says so by way of the registry, which does not tell the name. */
export const AN_OPERATOR = 'an operator';

/**
 * Somebody says to try now what is held back: a revision that failed, was vetoed, or was rolled back from by hand; a rollback
 * that was postponed.
 * @param by who says so. @returns what comes of it, in a sentence.
 */
export function retryHeld(
  { ledger, pause, log }: Pick<AgentContext, 'ledger' | 'pause' | 'log'>,
  loop: Pick<LoopControl, 'nudge' | 'isDeploying'>,
  by: string,
): string {
  const { inFlight } = ledger;
  if (inFlight !== undefined && goesOn(inFlight, loop))
    return `nothing is held back, a deployment is ${inFlight.step}`;
  if (!ledger.retry()) return 'nothing is held back';
  loop.nudge();
  log.info({ by }, 'somebody says: try again');
  return pause.paused ? 'tried again once resumed' : 'trying again';
}

/** An attempt that is `pending` may only wait, such as for the end of a veto. */
function goesOn({ step, postponed }: Attempt, { isDeploying }: Pick<LoopControl, 'isDeploying'>): boolean {
  return postponed === undefined && (step !== 'pending' || isDeploying);
}
