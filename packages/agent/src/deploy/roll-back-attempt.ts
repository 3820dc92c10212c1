import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { obtain } from '../release/obtain-release.js';
import { usableRelease } from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import { type DeployRoots, rootOf } from './deploy-roots.js';
import { endFailed, messageOf, rootsOf, stillHeld } from './end-attempt.js';
import { isSameRevision } from './hold.js';
import { describePostponed, endsRollback } from './postponed-rollback.js';
import { releaseBefore } from './release-before.js';
import { rollBack } from './roll-back.js';
import { writeState } from './state-file.js';
import type { Upstream } from './upstream.js';

/** Opens what is needed of the registry, or of the place without one. @throws DeployError connect, auth. */
export type OpenUpstream = () => Promise<Upstream>;

/** Goes back to the last good release. @returns what is to be told: why, or that it has to wait. */
export async function wayBack(
  context: AgentContext,
  open: OpenUpstream,
  why: DeployError,
): Promise<DeployError> {
  const { ledger } = context;
  let lastGood: AgentConfig | undefined;
  try {
    lastGood = releaseBefore(context);
    await goTo(context, lastGood, open, why);
  } catch (thrown) {
    const error = toDeployError(thrown);
    if (error.kind === 'cancelled' || error.kind === 'connect') return error; // it is resumed
    const isLost = lastGood === undefined && error.kind === 'not-found';
    if (!isLost && !endsRollback(error)) return postpone(context, why, error);
    const message = `${why.message}; going back failed too: ${error.message}`;
    context.facts.log.push(message);
    ledger.step('give-up', { error: { kind: why.kind, message } });
    return await endFailed(context, stillHeld(context));
  }
  return await endFailed(context, why);
}

async function goTo(
  context: AgentContext,
  lastGood: AgentConfig,
  open: OpenUpstream,
  why: DeployError,
): Promise<void> {
  const { ledger, paths, log } = context;
  log.warn({ to: lastGood.hash, why: describeError(why) }, 'going back to the last good release');
  ledger.step('go-back');
  if (ledger.inFlight?.arrived !== true) {
    await goAll(context, lastGood, open);
    ledger.arrived();
  }
  writeState(paths.state, lastGood);
  ledger.restored(lastGood);
  log.warn({ hash: lastGood.hash }, 'gone back to the last good release');
}

/** All of the way, from what is left to a release that is proven again. */
async function goAll(context: AgentContext, lastGood: AgentConfig, open: OpenUpstream): Promise<void> {
  const { ledger, paths, facts, log } = context;
  const roots = rootsOf(context);
  const next = rootOf(paths.unpacked, lastGood);
  const leaving = ledger.inFlight?.leaving;
  const old = leaving === undefined ? roots.next : rootOf(paths.unpacked, leaving);
  if (usableRelease(paths.unpacked, lastGood.hash, '') === undefined) {
    log.warn({ root: next.root }, 'the last good release is gone, fetching it again');
    await (await obtain(context, await open(), undefined, lastGood, undefined)).durable;
  }
  const swapped: DeployRoots = { ...roots, old, next, config: lastGood, reason: 'rollback' };
  await facts.time('rollback', () => rollBack(context, swapped));
}

/** The host is not in a state to go back now, which says nothing of a release. @returns what is to be told. */
function postpone({ ledger, facts, log }: AgentContext, why: DeployError, error: DeployError): DeployError {
  const message = describeError(error);
  const told = describePostponed(why.message, { message });
  facts.log.push(told);
  ledger.postpone(message);
  const { failures, notBefore } = ledger.inFlight?.postponed ?? {};
  log.warn({ failures, notBefore, retry: 'deploy-agent ctl retry' }, 'going back is tried again later');
  return new DeployError(error.kind, told, { hint: 'it is tried again by itself', cause: error });
}

/**
 * Whether a way back that could not be gone so far is of no use any more, because neither the release that it leads from is
 * wanted nor the one that it leads to. It is over then.
 */
export async function isOvertaken(context: AgentContext, wanted: AgentConfig): Promise<boolean> {
  const { ledger, pause, facts } = context;
  const { inFlight } = ledger;
  if (inFlight?.postponed === undefined || pause.paused) return false;
  if (isSameRevision(inFlight.config, wanted) || releaseBefore(context).hash === wanted.hash) return false;
  const why = describePostponed(messageOf(inFlight), inFlight.postponed);
  const message = `${why}; another revision is wanted meanwhile`;
  facts.log.push(message);
  ledger.step('give-up', { error: { kind: inFlight.error?.kind ?? 'unhealthy', message } });
  await endFailed(context, stillHeld(context));
  return true;
}
