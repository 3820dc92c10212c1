import { DeployError } from '@deploy-tools/shared/errors.js';
import { awaitEarlierScript } from '../process/script/await-earlier-script.js';
import { removeScriptState } from '../process/script/script-state.js';
import { removeLeftovers, usableRelease } from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import { Attempt } from './attempt.js';
import type { AttemptResult } from './attempt-result.js';
import { endCancelled } from './cancel-attempt.js';
import { resumptionOf } from './deploy-step.js';
import { isRolledBackByHand, messageOf } from './end-attempt.js';
import { waitBeforeRollback } from './postponed-rollback.js';
import { rollBack } from './rollback.js';
import { takeUpProgram } from './take-up-program.js';
import type { Upstream } from './upstream.js';

/** Has to be called once, before anything else: an agent before this one may have been killed at any moment. */
export async function recover(context: AgentContext): Promise<void> {
  const { paths, settings, ledger, log, signal, place, releases } = context;
  takeUpProgram(context);
  const { script } = ledger.journal;
  if (script !== undefined)
    await awaitEarlierScript({ script, timeoutMs: settings.scriptTimeoutMs }, log, signal);
  await removeScriptState(paths.scriptState);
  await removeLeftovers(releases, true);
  await place.removeReplaced(signal);
}

export interface Resumption {
  /** Hash of what is wanted now; undefined where that is not known. */
  readonly wanted?: string | undefined;
  /** Whether to try at once what failed lately. */
  readonly isImpatient?: boolean;
}

/**
 * Finishes, or rolls back, an attempt that an agent before this one, or a lost connection, left in the middle.
 * @returns how it ended; undefined where there was none to resume, it is begun anew, or its time has not come.
 */
export async function resumeAttempt(
  context: AgentContext,
  upstream: Upstream,
  { wanted, isImpatient = false }: Resumption = {},
): Promise<AttemptResult | undefined> {
  const { ledger, log, paths } = context;
  const attempt = ledger.inFlight;
  const what = attempt === undefined ? 'nothing' : resumptionOf(attempt.step);
  if (attempt === undefined || what === 'nothing' || endCancelled(ledger)) return undefined;
  if (what === 'start-over') {
    if (attempt.step !== 'pending') ledger.step('interrupt');
    return undefined;
  }
  const { step, config } = attempt;
  if (what === 'roll-back' && !isImpatient && waitBeforeRollback(attempt, context.clock()) > 0)
    return undefined;
  if (attempt.byHand !== true)
    log.warn({ hash: config.hash, step }, 'a deployment was interrupted, resuming it');
  if (what === 'roll-back') {
    const failure = await rollBack(context, upstream, new DeployError('unhealthy', messageOf(attempt)));
    return isRolledBackByHand(ledger.attempt) ? undefined : failure;
  }
  const release = usableRelease(paths.unpacked, config.hash, attempt.unpackedIn ?? '');
  if (release === undefined && what === 'activate') {
    ledger.step('interrupt'); // The power failed before it was whole on the disk.
    return undefined;
  }
  return await new Attempt(context, upstream).resume(release, wanted);
}
