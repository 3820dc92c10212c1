import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { layerLabel } from '../release/layer-label.js';
import { removeLeftovers } from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import { Attempt } from './attempt.js';
import type { AttemptResult } from './attempt-result.js';
import { mayRetry, stillHeld } from './end-attempt.js';
import { isSameRevision, waitBefore } from './hold.js';
import { isSettled, type Live, liveRelease } from './journal.js';
import { waitBeforeRollback } from './postponed-rollback.js';
import { giveUpOvertaken } from './rollback.js';
import { readState } from './state-file.js';
import type { Upstream } from './upstream.js';

/**
 * Polls the upstream once and deploys the wanted release, unless it runs already. An interrupted attempt has to be resumed before.
 * @param isImpatient whether to ignore the backoff of a failure.
 * @throws DeployError when the poll fails, or state.json is damaged.
 */
export async function deployWanted(
  context: AgentContext,
  upstream: Upstream,
  isImpatient: boolean,
): Promise<AttemptResult> {
  const { ledger, log, paths } = context;
  await upstream.reach(); // The host reports over the connection, also that its state.json is damaged.
  const lastGood = readState(paths.state);
  const config = await upstream.wanted(context.signal);
  const { hash } = config;
  context.onWanted(config);
  const { inFlight } = ledger;
  // An operator may have asked for a rollback during the poll; it comes first.
  if (inFlight?.step === 'rolling-back' && !(await giveUpOvertaken(context, config)))
    return { kind: 'waiting', hash, ms: waitBeforeRollback(inFlight, context.clock()) };
  if (context.pause.hold()) return { kind: 'waiting', hash, ms: Number.POSITIVE_INFINITY };
  if (isCurrent(context, lastGood, config)) {
    ledger.forgetPending();
    await removeLeftovers(context.releases, false);
    return { kind: 'current', hash };
  }
  const held = heldBack(context, config, isImpatient);
  if (held !== undefined) return held;
  const ms = await delayBefore(context, lastGood, { config, sleeps: isImpatient });
  if (ms > 0) return { kind: 'waiting', hash, ms, isDelayed: true };
  const layers = config.layers.map(layerLabel);
  const isAgain = ledger.journal.again === hash;
  log.info({ hash, revision: config.revision, layers }, isAgain ? 'deploying it again' : 'new configuration');
  beginAttempt(context, lastGood, config);
  return await new Attempt(context, upstream).run(lastGood);
}

/** @returns the result for a revision whose hold is not over; undefined where it may be tried. */
function heldBack(
  context: AgentContext,
  config: AgentConfig,
  isImpatient: boolean,
): AttemptResult | undefined {
  const { hold } = context.ledger.journal;
  const ms = waitBefore(hold, config, context.clock());
  const mayWait = !isImpatient || hold?.why === 'withdrawn';
  if (ms > 0 && mayWait) return { kind: 'waiting', hash: config.hash, ms };
  if (ms === Number.POSITIVE_INFINITY && !mayRetry(context))
    return { kind: 'failed', error: stillHeld(context) };
  return undefined;
}

/** Whether the wanted release runs and is proven. @param lastGood the content of state.json. */
export function isCurrent(
  context: AgentContext,
  lastGood: AgentConfig | undefined,
  wanted: AgentConfig,
): boolean {
  const { ledger, host, place } = context;
  if (lastGood?.hash !== wanted.hash || !isSettled(ledger.journal)) return false;
  if (ledger.journal.again === wanted.hash) return false;
  return place.has(wanted.hash) && host.isRunning;
}

/** Records the begin of an attempt. @param lastGood the content of state.json. */
export function beginAttempt(
  { ledger, facts }: AgentContext,
  lastGood: AgentConfig | undefined,
  config: AgentConfig,
): void {
  ledger.begin(config, oldFor(config, liveRelease(ledger.journal, lastGood)));
  facts.clear();
}

/**
 * The release that scripts get as OLDROOT: the live one, even when it is deployed again. After the live release's script has failed it
 * is the old release of that script, as with the Go agent; but if that one is deployed again, it is the live release.
 */
function oldFor(config: AgentConfig, live: Live | undefined): AgentConfig | undefined {
  if (live === undefined || live.how === 'proven') return live?.config;
  const { before } = live;
  if (live.how === 'activating') return before?.hash === config.hash ? live.config : before;
  return live.config.hash === config.hash ? before : live.config;
}

/**
 * Returns the rest of a deployment's random delay, in milliseconds. There is none on a host where nothing runs, nor for an operator's
 * retry.
 * @param lastGood the content of state.json.
 * @param request.sleeps whether to sleep until the delay is over; otherwise the caller polls again.
 * @throws AbortError.
 */
export async function delayBefore(
  { delay, ledger, log, timers, signal }: AgentContext,
  lastGood: AgentConfig | undefined,
  { config, sleeps }: { readonly config: AgentConfig; readonly sleeps: boolean },
): Promise<number> {
  const { hold, again } = ledger.journal;
  const isRetry = again === config.hash || (hold?.retry === true && isSameRevision(hold, config));
  if (lastGood === undefined || isRetry) return 0;
  const { ms, isDrawn } = delay.left(config);
  const { hash, revision } = config;
  if (isDrawn)
    log.info({ hash, revision, seconds: Math.ceil(ms / 1000) }, 'new configuration, waiting a random delay');
  if (!sleeps) return ms;
  if (ms > 0) await timers.sleep(ms, signal);
  return 0;
}
