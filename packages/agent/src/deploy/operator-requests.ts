import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { resumptionOf } from './deploy-step.js';
import { type Attempt, type Journal, liveRelease } from './journal.js';
import type { Ledger } from './ledger.js';
import { Cancelled, type LoopControl } from './wishes.js';

/** Stands for an operator at the registry, which does not send the name. */
export const AN_OPERATOR = 'an operator';

/**
 * Retries now what waits: a revision that failed, was vetoed or was rolled back by hand; a postponed rollback.
 * @param by the operator, for people to read. @returns the consequence, in a sentence.
 */
export function retryHeld(
  { ledger, pause, log }: Pick<AgentContext, 'ledger' | 'pause' | 'log'>,
  loop: Pick<LoopControl, 'nudge' | 'isDeploying'>,
  by: string,
): string {
  const { inFlight } = ledger;
  if (inFlight !== undefined && isInProgress(inFlight, loop))
    return `nothing is held back, a deployment is ${inFlight.step}`;
  if (!ledger.retry()) return 'nothing is held back';
  loop.nudge();
  log.info({ by }, 'an operator asked for a retry');
  return pause.paused ? 'tried again once resumed' : 'trying again';
}

/** Whether work is in progress for an attempt: a pending one may only wait, such as for the end of a veto. */
function isInProgress(
  { step, postponed }: Attempt,
  { isDeploying }: Pick<LoopControl, 'isDeploying'>,
): boolean {
  return postponed === undefined && (step !== 'pending' || isDeploying);
}

/**
 * Cancels the deployment in progress. A live release is rolled back, once its script has ended; the revision is then held until an
 * operator says retry.
 * @param by the operator, for people to read. @returns the consequence, in a sentence.
 * @throws DeployError conflict, saying why it cannot be cancelled.
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
    return 'cancelled; this host rolls back when it resumes the interrupted deployment; ctl status shows what it waits for';
  if (step === 'activating') return 'cancelled; this host rolls back as soon as a script that runs has ended';
  return step === 'validating' ? 'cancelled, rolling back' : 'cancelled before anything was switched';
}

/** Ends the retries of a release that failed before it was live. @throws DeployError conflict when nothing waits. */
function holdWaiting(ledger: Ledger): string {
  if (!ledger.holdForGood()) throw new DeployError('conflict', 'nothing is being deployed');
  return 'nothing is being deployed; what failed is not tried again by itself any more';
}

/**
 * Ends a cancelled attempt that has nothing live and nothing running, as while it waits for a connection.
 * @returns false where the attempt was not cancelled, or its release may be live.
 */
export function endCancelled(ledger: Ledger): boolean {
  const { inFlight } = ledger;
  if (inFlight?.cancelledBy === undefined || resumptionOf(inFlight.step) !== 'start-over') return false;
  const { kind, message } = new Cancelled(inFlight.cancelledBy);
  ledger.step('fail', { error: { kind, message }, isHeld: true });
  return true;
}

/**
 * The live release, which an operator can have deployed again.
 * @param wanted by the last answer of the upstream.
 * @throws DeployError in-use while an attempt is in flight; not-found; conflict where another release is wanted.
 */
export function releaseToRepeat(
  { journal, inFlight }: Pick<Ledger, 'journal' | 'inFlight'>,
  lastGood: AgentConfig | undefined,
  wanted: AgentConfig | undefined,
): AgentConfig {
  if (inFlight !== undefined)
    throw new DeployError('in-use', `a deployment is ${inFlight.step}`, {
      hint: 'ctl status shows when it has ended',
    });
  const live = liveRelease(journal, lastGood)?.config;
  if (live === undefined)
    throw new DeployError('not-found', 'nothing is deployed here yet', { hint: 'ctl status shows why' });
  if (wanted !== undefined && wanted.hash !== live.hash)
    throw new DeployError('conflict', 'another release is wanted than the one that runs', {
      hint: 'ctl status shows why it does not run; ctl retry tries it now',
    });
  return live;
}

/**
 * The rollback that an operator can ask for while no attempt is in flight: from the live release to the last other proven one.
 * @throws DeployError conflict; not-found where no other release was proven.
 */
export function rollbackByHand(
  journal: Journal,
  lastGood: AgentConfig | undefined,
): { readonly from: AgentConfig; readonly to: AgentConfig } {
  if (journal.attempt?.step === 'rolled-back')
    throw new DeployError('conflict', 'this host has rolled back already, the last good release runs');
  const from = liveRelease(journal, lastGood)?.config;
  const to = journal.proven?.find(({ hash }) => hash !== from?.hash);
  if (from === undefined || to === undefined)
    throw new DeployError('not-found', 'no earlier release is known here', {
      hint: 'roll back at the registry instead: deployctl rollback',
    });
  return { from, to };
}
