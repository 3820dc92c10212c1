import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { DestinationHold } from '../place/release-place.js';
import { usableRelease } from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import type { Failure } from './attempt-result.js';
import { type DeployRoots, rootOf } from './deploy-roots.js';
import { endFailed, messageOf, rootsOf, stillHeld } from './end-attempt.js';
import { isSameRevision } from './hold.js';
import { obtainRelease } from './obtain-release.js';
import { describePostponed, endsRollback } from './postponed-rollback.js';
import { releaseBefore } from './release-before.js';
import { writeState } from './state-file.js';
import type { Upstream } from './upstream.js';
import { Superseded } from './wishes.js';

/** Rolls back to the last good release. @param why the attempt failed. @returns how the rollback ended. */
export async function rollBack(
  context: AgentContext,
  upstream: Upstream,
  why: DeployError,
): Promise<Failure> {
  const { ledger, facts } = context;
  let lastGood: AgentConfig | undefined;
  try {
    lastGood = releaseBefore(context);
    await rollBackTo(context, lastGood, { upstream, why });
  } catch (thrown) {
    const error = toDeployError(thrown);
    if (error.kind === 'cancelled' || error.kind === 'connect') return { kind: 'interrupted', error };
    const isLost = lastGood === undefined && error.kind === 'not-found';
    if (!isLost && !endsRollback(error)) return postpone(context, why, error);
    const message = `${why.message}; the rollback failed too: ${error.message}`;
    facts.log.push(message);
    ledger.step('give-up', { error: { kind: why.kind, message } });
    return await endFailed(context, { kind: 'inconsistent', error: stillHeld(context) });
  }
  return await endFailed(context, { kind: 'rolled-back', error: why });
}

async function rollBackTo(
  context: AgentContext,
  lastGood: AgentConfig,
  { upstream, why }: { readonly upstream: Upstream; readonly why: DeployError },
): Promise<void> {
  const { ledger, paths, log } = context;
  log.warn({ to: lastGood.hash, why: describeError(why) }, 'rolling back to the last good release');
  ledger.step('roll-back');
  if (ledger.inFlight?.arrived !== true) {
    await activateLastGood(context, upstream, lastGood);
    ledger.arrived();
  }
  writeState(paths.state, lastGood);
  ledger.restored(lastGood);
  log.warn({ hash: lastGood.hash }, 'rolled back to the last good release');
}

async function activateLastGood(
  context: AgentContext,
  upstream: Upstream,
  lastGood: AgentConfig,
): Promise<void> {
  const { ledger, paths, facts, log } = context;
  const roots = rootsOf(context);
  const next = rootOf(paths.unpacked, lastGood);
  const leaving = ledger.inFlight?.leaving;
  const old = leaving === undefined ? roots.next : rootOf(paths.unpacked, leaving);
  if (usableRelease(paths.unpacked, lastGood.hash, '') === undefined) {
    log.warn({ root: next.root }, 'the last good release is gone, fetching it again');
    await (await obtainRelease(context, upstream, { config: lastGood, before: undefined })).durable;
  }
  const swapped: DeployRoots = { ...roots, old, next, config: lastGood, reason: 'rollback' };
  await facts.time('rollback', () => runRollback(context, swapped));
}

/**
 * Activates the last good release, whose directory is complete: rollback hook, `current`, destination, script with OLD and NEW
 * swapped, program, checks. No step is retried.
 * @param roots from the failed release to the last good one.
 * @throws DeployError when a step failed, even if only the hook did; AbortError.
 */
async function runRollback(context: AgentContext, roots: DeployRoots): Promise<void> {
  const { ledger, place, host, signal } = context;
  const hookFailure = await runToEnd(context, 'rollback', roots);
  const hold = await holdDestination(context, roots);
  try {
    ledger.returning(roots.config, 'activating');
    await place.put(roots.next, { way: 'back', hold, signal });
  } finally {
    hold.release();
  }
  const scriptFailure = await runToEnd(context, 'script', roots);
  if (scriptFailure !== undefined) throw scriptFailure;
  const died = await host.switchProgram(roots, new AbortController().signal);
  ledger.returning(roots.config, 'activated');
  await host.prove(roots, { died });
  host.requireInCharge(roots);
  if (hookFailure !== undefined) throw hookFailure;
}

/** Runs the rollback hook or the script. @returns its failure, which does not end the rollback at once. */
async function runToEnd(
  { host, log }: AgentContext,
  hook: 'rollback' | 'script',
  roots: DeployRoots,
): Promise<DeployError | undefined> {
  try {
    if ((await host.run(hook, roots)) === 'done') return undefined;
    const what = hook === 'script' ? hook : 'rollback hook';
    return new DeployError('script', `the ${what} vetoed the rollback`);
  } catch (error) {
    log.error({ err: describeError(error) }, 'a step of the rollback failed');
    return toDeployError(error);
  }
}

/**
 * Holds the destination for a rollback, which cannot be cancelled. The wait ends when a third release is wanted: a process that
 * never releases the destination must not keep the host from that release.
 * @throws as ReleasePlace.hold; DeployError locked when a third release is wanted.
 */
async function holdDestination(
  { wishes, place, signal }: AgentContext,
  { old, next }: Pick<DeployRoots, 'old' | 'next'>,
): Promise<DestinationHold> {
  for (let wanted = old?.id ?? next.id; ; ) {
    const wish = wishes.deploying(wanted);
    try {
      return await place.hold(signal, wish.signal);
    } catch (error) {
      const { reason } = wish.signal;
      if (signal.aborted || !(reason instanceof Superseded)) throw error;
      wanted = reason.by;
      if (wanted === old?.id || wanted === next.id) continue;
      const to = place.destination;
      throw new DeployError('locked', `another process is deploying to ${to}, and another release is wanted`);
    } finally {
      wish.close();
    }
  }
}

/** Postpones the rollback: the host cannot do it now, which is no fault of a release. */
function postpone({ ledger, facts, log }: AgentContext, why: DeployError, error: DeployError): Failure {
  const message = describeError(error);
  const reason = describePostponed(why.message, { message });
  facts.log.push(reason);
  ledger.postpone(message);
  const { failures, notBefore } = ledger.inFlight?.postponed ?? {};
  log.warn({ failures, notBefore, retry: 'deploy-agent ctl retry' }, 'the rollback is retried later');
  const hint = 'the agent retries it';
  return { kind: 'interrupted', error: new DeployError(error.kind, reason, { hint, cause: error }) };
}

/**
 * Gives up a postponed rollback when a third release is wanted, neither its failed nor its last good one.
 * @returns whether it gave up.
 */
export async function giveUpOvertaken(context: AgentContext, wanted: AgentConfig): Promise<boolean> {
  const { ledger, pause, facts } = context;
  const { inFlight } = ledger;
  if (inFlight?.postponed === undefined || pause.paused) return false;
  if (isSameRevision(inFlight.config, wanted) || releaseBefore(context).hash === wanted.hash) return false;
  const why = describePostponed(messageOf(inFlight), inFlight.postponed);
  const message = `${why}; another revision is wanted meanwhile`;
  facts.log.push(message);
  ledger.step('give-up', { error: { kind: inFlight.error?.kind ?? 'unhealthy', message } });
  await endFailed(context, { kind: 'inconsistent', error: stillHeld(context) });
  return true;
}
