import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { cleanUpAround } from './clean-up.js';
import { type DeployStep, resumptionOf } from './deploy-step.js';
import { isSettled, type Live } from './journal.js';
import { lastGoodRelease } from './release-before.js';
import { rollBack } from './rollback.js';
import type { Upstream } from './upstream.js';

/**
 * Rolls back an unproven release that is live, when the wanted release does not replace it: that one failed, was vetoed or cancelled,
 * has to wait (a pause included), or cannot be polled for. Does nothing while an attempt is in progress, or without -rollback.
 * @param why the wanted release does not run, where an error is the reason.
 */
export async function leaveUnproven(
  context: AgentContext,
  upstream: Upstream,
  why?: DeployError,
): Promise<void> {
  const left = leftUnproven(context);
  if (left === undefined) return;
  const { ledger, log, facts } = context;
  const reason = reasonOf(context, why);
  const message = `it was never proven, and the wanted release does not run: ${reason}`;
  const error = new DeployError('unhealthy', message);
  log.warn({ hash: left.config.hash }, `leaving a release that was never proven: ${reason}`);
  facts.log.push(describeError(error));
  ledger.leave(left, { kind: error.kind, message });
  await rollBack(context, upstream, error);
  await cleanUpAround(context);
}

/** The unproven release that has to be rolled back when an attempt ends that was never live; undefined where there is none. */
export function leftUnproven({ ledger, settings, paths, signal }: AgentContext): Live | undefined {
  const { attempt, live } = ledger.journal;
  if (signal.aborted || !settings.rollback) return undefined;
  if (live === undefined || live.how === 'unknown' || isSettled(ledger.journal)) return undefined;
  if (attempt === undefined || !canLeave(attempt.step)) return undefined;
  const lastGood = lastGoodRelease({ ledger, paths });
  return lastGood === undefined || lastGood.hash === live.config.hash ? undefined : live;
}

function canLeave(step: DeployStep): boolean {
  return step === 'failed' || resumptionOf(step) === 'start-over';
}

function reasonOf({ ledger }: AgentContext, why: DeployError | undefined): string {
  const { attempt, hold } = ledger.journal;
  return why?.message ?? attempt?.error?.message ?? hold?.reason ?? 'it has to wait';
}
