import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../host/either-signal.js';
import { bootId } from '../host/process-identity.js';
import { type DestinationHold, holdDestination } from '../place/hold-destination.js';
import { checkPlace, removeReplacedReleases } from '../place/place-release.js';
import { awaitEarlierScript } from '../process/script/await-earlier-script.js';
import { removeScriptState } from '../process/script/script-state.js';
import { layerLabel } from '../release/layer-label.js';
import { obtain } from '../release/obtain-release.js';
import { type Release, removeLeftovers, usableRelease } from '../release/release-directory.js';
import { type Activated, activate } from './activate.js';
import type { AgentContext } from './agent-context.js';
import { beginAttempt, isCurrent } from './begin-attempt.js';
import { Cancelled, Superseded } from './called-off.js';
import { endCancelled } from './cancel-attempt.js';
import { cleanUp, cleanUpAround } from './clean-up.js';
import { commit } from './commit.js';
import { delayBefore } from './delay-before.js';
import type { DeployRoots } from './deploy-roots.js';
import { resumptionOf } from './deploy-step.js';
import { endFailed, lastHook, mayRetry, messageOf, rootsOf, stillHeld } from './end-attempt.js';
import { waitBefore } from './hold.js';
import { leftUnproven } from './leave-unproven.js';
import type { Outcome } from './outcome.js';
import { waitBeforeRollback } from './postponed-rollback.js';
import { lastGoodRelease } from './release-before.js';
import { resolve } from './resolve-wanted.js';
import { isOvertaken, type OpenUpstream, wayBack } from './roll-back-attempt.js';
import { runDeployHook } from './run-deploy-hook.js';
import { readState } from './state-file.js';
import { takeUpProgram } from './take-up-program.js';
import { isWithoutRegistry, type Upstream } from './upstream.js';
import { validate } from './validate.js';

/**
 * One look at the registry and, when it wants something else than what runs, one deployment, phase by phase, each step
 * in the journal before it is taken. What a crash leaves is taken up by {@link resume}.
 * @param impatient whether to try at once what failed lately.
 */
export async function cycle(context: AgentContext, upstream: Upstream, impatient: boolean): Promise<Outcome> {
  const { ledger, log } = context;
  const before = readState(context.paths.state);
  const ask = () =>
    isWithoutRegistry(upstream) ? upstream.wanted(context) : resolve(upstream.first, context.settings.name);
  const config = await context.looks.take(ask, context.signal);
  const { hash } = config;
  context.onWanted(config);
  const { inFlight } = ledger;
  // A way back that somebody asked for meanwhile comes first.
  if (inFlight?.step === 'rolling-back' && !(await isOvertaken(context, config)))
    return { kind: 'waiting', hash, ms: waitBeforeRollback(inFlight, context.clock()) };
  if (context.pause.hold()) return { kind: 'waiting', hash, ms: Number.POSITIVE_INFINITY };
  if (isCurrent(context, before, config)) {
    ledger.forgetPending(); // which is not wanted any more
    await removeLeftovers(context, false); // of a deployment that is not wanted any more
    return { kind: 'current', hash };
  }
  const ms = waitBefore(ledger.journal.hold, config, context.clock());
  const isHeld = !impatient || ledger.journal.hold?.why === 'withdrawn';
  if (ms > 0 && isHeld) return { kind: 'waiting', hash, ms };
  if (ms === Number.POSITIVE_INFINITY && !mayRetry(context)) throw stillHeld(context);
  const later = await delayBefore(context, before, config, impatient);
  if (later > 0) return { kind: 'waiting', hash, ms: later, isDelayed: true };
  const layers = config.layers.map(layerLabel);
  const isAgain = ledger.journal.again === hash;
  log.info({ hash, revision: config.revision, layers }, isAgain ? 'deploying it again' : 'new configuration');
  beginAttempt(context, before, config);
  const open = async () => upstream;
  return await attempted(context, open, async (within) => {
    const release = await stage(within, upstream, before, config);
    return release === undefined ? vetoed(context) : await goLive(within, release);
  });
}

/** What has to be done once, before anything else: an agent before this one may have been killed at any moment. */
export async function recover(context: AgentContext): Promise<void> {
  const { paths, settings, ledger, log, signal } = context;
  takeUpProgram(context);
  const { script } = ledger.journal;
  if (script !== undefined) await awaitEarlierScript(script, settings.scriptTimeoutMs, log, signal);
  await removeScriptState(paths.scriptState);
  await removeLeftovers(context, true);
  await removeReplacedReleases(context);
}

/**
 * Finishes, or goes back from, an attempt that an agent before this one, or a lost connection, left in the middle.
 * @param known.wanted hash of what the registry wants now; undefined where that is not known.
 * @param known.impatient whether to try at once what failed lately.
 * @throws what the attempt failed for; DeployError connect when it has to wait for the registry.
 */
export async function resume(
  context: AgentContext,
  open: OpenUpstream,
  { wanted, impatient = false }: { readonly wanted?: string | undefined; readonly impatient?: boolean } = {},
): Promise<void> {
  const { ledger, log, paths } = context;
  const attempt = ledger.inFlight;
  const what = attempt === undefined ? 'nothing' : resumptionOf(attempt.step);
  if (attempt === undefined || what === 'nothing') return;
  if (endCancelled(ledger)) return;
  if (what === 'start-over') {
    if (attempt.step !== 'pending') ledger.step('interrupt');
    return;
  }
  const { step, config } = attempt;
  if (what === 'go-back' && !impatient && waitBeforeRollback(attempt, context.clock()) > 0) return;
  if (attempt.byHand !== true)
    log.warn({ hash: config.hash, step }, 'a deployment was cut off, going on with it');
  if (what === 'go-back') {
    const why = await wayBack(context, open, new DeployError('unhealthy', messageOf(attempt)));
    if (attempt.byHand === true && ledger.journal.attempt?.step === 'rolled-back') return;
    throw why;
  }
  const release = usableRelease(paths.unpacked, config.hash, attempt.unpackedIn ?? '');
  if (release === undefined && what === 'activate') {
    ledger.step('interrupt'); // the power failed before it was whole on the disk
    return;
  }
  await attempted(context, open, async (within) => {
    const { cancelledBy } = ledger.inFlight ?? {};
    if (cancelledBy !== undefined) throw new Cancelled(cancelledBy);
    if (wanted !== undefined && wanted !== config.hash) throw new Superseded(wanted);
    if (release === undefined)
      throw new DeployError('unhealthy', `the release ${config.hash} is not in ${paths.unpacked} any more`);
    return await goLive(within, release);
  });
}

/**
 * Runs an attempt, or the rest of one, to its end.
 * @param act gets the context in which it can be called off; what follows a failure cannot.
 * @throws what it failed for, when all that follows is done.
 */
async function attempted(
  context: AgentContext,
  open: OpenUpstream,
  act: (within: AgentContext) => Promise<Outcome>,
): Promise<Outcome> {
  const { ledger, threads, wishes } = context;
  const callOff = wishes.deploying(ledger.inFlight?.config.hash ?? '');
  try {
    const outcome = await act({ ...context, calledOff: callOff.signal });
    if (outcome.kind === 'waiting') await cleanUpAround(context);
    return outcome;
  } catch (thrown) {
    callOff.close();
    const error = await failed(context, open, causeOf(thrown, context.signal, callOff.signal));
    if (ledger.inFlight === undefined) await cleanUpAround(context);
    throw error;
  } finally {
    callOff.close();
    await threads.stop();
  }
}

/** What is cut off by a signal does not always say why. */
function causeOf(thrown: unknown, stop: AbortSignal, calledOff: AbortSignal): DeployError {
  const error = toDeployError(thrown);
  return error.kind === 'cancelled' && calledOff.aborted && !stop.aborted
    ? toDeployError(calledOff.reason)
    : error;
}

/** Everything up to a complete release in a directory of its own. @returns undefined when the host says not now. */
async function stage(
  context: AgentContext,
  upstream: Upstream,
  before: AgentConfig | undefined,
  config: AgentConfig,
): Promise<Release | undefined> {
  const { ledger, facts } = context;
  const roots = rootsOf(context);
  if ((await runDeployHook(context, 'pre', roots)) === 'vetoed') return undefined;
  ledger.step('fetch');
  const unpackedIn = ledger.inFlight?.unpackedIn ?? (before?.hash === config.hash ? '' : undefined);
  const stop = eitherSignal(context.signal, context.calledOff);
  const within = { ...context, signal: stop.signal };
  const release = await obtain(within, upstream, before, config, unpackedIn).finally(stop.clear);
  ledger.step('stage');
  const prepared = await facts
    .time('prepare', async () => {
      const outcome = await runDeployHook(context, 'prepare', roots, { cwd: release.root });
      if (outcome === 'done') checkPlace(context, roots.next);
      return outcome;
    })
    .catch(async (error: unknown) => {
      await release.durable; // nothing may still be written when the next attempt begins
      throw error;
    });
  if (prepared === 'done') return release;
  await release.durable;
  return undefined;
}

/** From `staged`, or where an agent was cut off after, to `healthy`. */
async function goLive(context: AgentContext, release: Release): Promise<Outcome> {
  const { ledger, facts, log } = context;
  const roots = rootsOf(context);
  let died: AbortSignal | undefined;
  if (ledger.inFlight?.step !== 'validating') {
    const hold = await beforeActivation(context, release);
    // Awaited also when the script fails, so that nothing is still being written when the next attempt begins.
    const [active, durable] = await Promise.allSettled([activated(context, roots, hold), release.durable]);
    if (active.status === 'rejected') throw active.reason;
    if (durable.status === 'rejected') throw durable.reason;
    if (active.value === 'vetoed') return vetoed(context);
    died = active.value.died;
  }
  ledger.step('validate', { activated: true });
  await facts.time('validate', () => validate(context, roots, died));
  const { hash } = roots.config;
  commit(context, roots.config);
  log.info({ hash }, 'deployed');
  await lastHook(context, 'post', roots);
  await lastHook(context, 'success', roots);
  await cleanUp(context, []);
  return { kind: 'deployed', hash };
}

async function activated(
  context: AgentContext,
  roots: DeployRoots,
  hold: DestinationHold,
): Promise<Activated> {
  try {
    context.ledger.step('activate', { unpackedIn: bootId() });
    return await context.facts.time('activate', () => activate(context, roots, hold));
  } finally {
    hold.release();
  }
}

/** The last moment at which the deployment can end without a trace, which may last while another process deploys to the destination. */
async function beforeActivation(context: AgentContext, release: Release): Promise<DestinationHold> {
  const { signal, calledOff } = context;
  signal.throwIfAborted();
  try {
    calledOff.throwIfAborted();
    return await holdDestination(context);
  } catch (error) {
    if (!signal.aborted) await release.durable; // nothing may still be written when the next attempt begins
    throw error;
  }
}

function vetoed({ ledger, log, clock, facts }: AgentContext): Outcome {
  ledger.veto(facts.veto);
  const { attempt, hold } = ledger.journal;
  const hash = attempt?.config.hash ?? '';
  log.warn(
    { hash, notBefore: hold?.notBefore, why: hold?.reason },
    'this host says not now, it is asked again later',
  );
  return { kind: 'waiting', hash, ms: waitBefore(hold, attempt?.config ?? { hash }, clock()) };
}

/**
 * What follows a failure: nothing when the release is not to blame for it, going back where that is wanted, the hook.
 * @returns what is to be told.
 */
async function failed(context: AgentContext, open: OpenUpstream, error: DeployError): Promise<DeployError> {
  const { ledger, settings, facts } = context;
  const attempt = ledger.inFlight;
  if (attempt === undefined) return error; // after `healthy`
  const isLive = resumptionOf(attempt.step) !== 'start-over';
  if (error.kind === 'cancelled' && isLive) return error; // the next agent goes on
  const isSuperseded = error instanceof Superseded;
  if (!isLive && (error.kind === 'connect' || error.kind === 'cancelled' || isSuperseded)) {
    ledger.step('interrupt');
    return error;
  }
  facts.log.push(describeError(error));
  const told = { error: { kind: error.kind, message: error.message } };
  const lastGood = lastGoodRelease(context);
  const isCancelled = error instanceof Cancelled;
  // Where something else is wanted than what is gone back to, the host goes straight there.
  const leadsBack = isCancelled || (settings.rollback && (!isSuperseded || error.by === lastGood?.hash));
  const hasOther = lastGood !== undefined && lastGood.hash !== attempt.config.hash;
  if (isLive && leadsBack && hasOther) {
    const isHeldThen = isCancelled || !settings.retryLive;
    ledger.step('go-back', { ...told, isHeld: isHeldThen, isSuperseded });
    return await wayBack(context, open, error);
  }
  const left = isLive ? undefined : leftUnproven(context);
  if (left !== undefined) {
    ledger.leave(left, told.error, { isHeld: isCancelled });
    return await wayBack(context, open, error);
  }
  // A script that fails where nothing is gone back from is run again, as the original has it.
  const isHeld =
    isCancelled || (isLive && !settings.retryLive && (settings.rollback || attempt.activated === true));
  ledger.step('fail', { ...told, isHeld, isSuperseded });
  return await endFailed(context, error);
}
