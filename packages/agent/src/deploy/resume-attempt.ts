import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { awaitEarlierScript } from '../process/script/await-earlier-script.js';
import { removeScriptState } from '../process/script/script-state.js';
import { removeLeftovers, usableRelease } from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import { Attempt } from './attempt.js';
import type { AttemptResult } from './attempt-result.js';
import { rootOf } from './deploy-roots.js';
import { resumptionOf } from './deploy-step.js';
import { isRolledBackByHand, messageOf } from './end-attempt.js';
import { type Live, liveRelease } from './journal.js';
import { endCancelled } from './operator-requests.js';
import { waitBeforeRollback } from './postponed-rollback.js';
import { rollBack } from './rollback.js';
import { DamagedState, readState } from './state-file.js';
import type { Upstream } from './upstream.js';

/** Recovers from the death of the previous agent at any moment. To be called once, before anything else. */
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

/** Starts the supervised program, unless it runs: from the live release, or the last good one where a script was cut off. */
export function takeUpProgram(context: AgentContext): void {
  const { paths, ledger, log, host } = context;
  if (host.isRunning) return;
  const config = releaseInCharge(context);
  if (config === undefined) return;
  const { attempt } = ledger.journal;
  const unpackedIn = attempt?.config.hash === config.hash ? (attempt.unpackedIn ?? '') : '';
  if (usableRelease(paths.unpacked, config.hash, unpackedIn) !== undefined)
    host.start(config, rootOf(paths.unpacked, config).root);
  else log.error({ hash: config.hash }, 'the release of the program is gone; it is fetched again');
}

/** A damaged state.json keeps the host from deploying, not from running its release: then the journal alone decides. */
function releaseInCharge({ ledger, paths, log }: AgentContext): AgentConfig | undefined {
  const { journal } = ledger;
  try {
    const lastGood = readState(paths.state);
    const live = liveRelease(journal, lastGood);
    return inCharge(live) ?? lastGood ?? live?.config;
  } catch (error) {
    if (!(error instanceof DamagedState)) throw error;
    log.error(
      { err: describeError(error) },
      'starting the program from the release that is live by the journal',
    );
    return inCharge(journal.live) ?? journal.proven?.[0];
  }
}

function inCharge(live: Live | undefined): AgentConfig | undefined {
  return live?.how === 'activated' || live?.how === 'proven' ? live.config : undefined;
}

export interface Resumption {
  /** Hash of the wanted configuration; undefined where it is not known. */
  readonly wanted?: string | undefined;
  /** Whether to ignore the backoff of a failure. */
  readonly isImpatient?: boolean;
}

/**
 * Finishes or rolls back an attempt that the death of an agent or a lost connection has interrupted.
 * @returns how it ended; undefined where there is none to resume, it is to begin anew, or its time has not come.
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
