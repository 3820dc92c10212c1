import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { type Journal, liveRelease } from './journal.js';
import type { Ledger } from './ledger.js';
import { readWholeState } from './state-file.js';

type Known = Pick<AgentContext, 'ledger' | 'paths'>;

/**
 * The last good release: what state.json holds. Where the file was damaged or removed since the attempt began, it is what was live
 * then, if that was proven.
 * @returns undefined where nothing is known to be good.
 */
export function lastGoodRelease({ ledger, paths }: Known): AgentConfig | undefined {
  const { attempt, proven = [] } = ledger.journal;
  const held = readWholeState(paths.state);
  const before = attempt?.before;
  return held ?? (proven.some(({ hash }) => hash === before?.hash) ? before : undefined);
}

/**
 * What the rollback in flight leads to: the last good release, or what an operator on the host asked for.
 * @throws DeployError not-found.
 */
export function releaseBefore({ ledger, paths }: Known): AgentConfig {
  const { attempt } = ledger.journal;
  const before = attempt?.byHand === true ? attempt.before : lastGoodRelease({ ledger, paths });
  if (before === undefined) throw new DeployError('not-found', `there is no ${paths.state} to roll back to`);
  return before;
}

/**
 * The release that an operator can have deployed again now: the one that is live.
 * @param wanted what the upstream wanted when it last answered.
 * @throws DeployError in-use while something is in flight; not-found; conflict where another one is wanted.
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
 * The rollback that an operator can ask for while nothing is in flight: from what is live to the last proven release that is another.
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
