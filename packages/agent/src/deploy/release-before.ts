import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../agent-context.js';
import { readState } from '../state-file.js';
import { type Journal, liveRelease } from './journal.js';

/**
 * What the way back in flight leads to: the last good release, which state.json holds, or what somebody on the host wants.
 * @throws DeployError not-found, corrupt.
 */
export function releaseBefore({ ledger, paths }: Pick<AgentContext, 'ledger' | 'paths'>): AgentConfig {
  const { attempt } = ledger.journal;
  const before = attempt?.byHand === true ? attempt.before : readState(paths.state);
  if (before === undefined) throw new DeployError('not-found', `there is no ${paths.state} to go back to`);
  return before;
}

/**
 * From what to what an operator can go back now: from what is live to the release that was proven last and is another.
 * Nothing is in flight.
 * @throws DeployError conflict; not-found when there is nothing to go back to.
 */
export function wayBackByHand(
  journal: Journal,
  lastGood: AgentConfig | undefined,
): { readonly from: AgentConfig; readonly to: AgentConfig } {
  if (journal.attempt?.step === 'rolled-back')
    throw new DeployError('conflict', 'it was gone back already, the last good release runs');
  const from = liveRelease(journal, lastGood)?.config;
  const to = journal.proven?.find(({ hash }) => hash !== from?.hash);
  if (from === undefined || to === undefined)
    throw new DeployError('not-found', 'no earlier release is known here', {
      hint: 'roll back at the registry instead: deployctl rollback',
    });
  return { from, to };
}
