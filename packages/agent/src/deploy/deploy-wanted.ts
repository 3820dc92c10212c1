import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { layerLabel } from '../release/layer-label.js';
import { removeLeftovers } from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import { Attempt } from './attempt.js';
import type { AttemptResult } from './attempt-result.js';
import { beginAttempt, isCurrent } from './begin-attempt.js';
import { delayBefore } from './delay-before.js';
import { mayRetry, stillHeld } from './end-attempt.js';
import { waitBefore } from './hold.js';
import { waitBeforeRollback } from './postponed-rollback.js';
import { giveUpOvertaken } from './rollback.js';
import { readState } from './state-file.js';
import type { Upstream } from './upstream.js';

/**
 * Polls the upstream once and, when it wants something else than what runs, deploys that. What a crash leaves is taken up by
 * `resumeAttempt`.
 * @param isImpatient whether to try at once what failed lately.
 * @throws DeployError when the upstream cannot be asked, or state.json is damaged.
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
  // A rollback that an operator asked for meanwhile comes first.
  if (inFlight?.step === 'rolling-back' && !(await giveUpOvertaken(context, config)))
    return { kind: 'waiting', hash, ms: waitBeforeRollback(inFlight, context.clock()) };
  if (context.pause.hold()) return { kind: 'waiting', hash, ms: Number.POSITIVE_INFINITY };
  if (isCurrent(context, lastGood, config)) {
    ledger.forgetPending(); // It is not wanted any more,
    await removeLeftovers(context.releases, false); // and neither is what it left.
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

/** @returns why a revision that failed, was vetoed or rolled back from is not tried now; undefined where it is. */
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
