import type { AgentContext } from './agent-context.js';
import type { Attempt } from './journal.js';
import type { LoopControl } from './wishes.js';

/** Who asks by way of the registry, which does not send the name. */
export const AN_OPERATOR = 'an operator';

/**
 * Has what is held back tried now, as an operator asked: a revision that failed, was vetoed, or was rolled back by hand; a rollback
 * that was postponed.
 * @param by who asked, as people know them. @returns what comes of it, in a sentence.
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
  log.info({ by }, 'an operator asked for a retry');
  return pause.paused ? 'tried again once resumed' : 'trying again';
}

/** Whether work is going on for an attempt: one that is `pending` may only wait, such as for the end of a veto. */
function goesOn({ step, postponed }: Attempt, { isDeploying }: Pick<LoopControl, 'isDeploying'>): boolean {
  return postponed === undefined && (step !== 'pending' || isDeploying);
}
