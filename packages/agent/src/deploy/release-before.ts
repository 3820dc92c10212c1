import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../agent-context.js';
import { readState, writeState } from '../state-file.js';
import type { Journal } from './journal.js';

/**
 * What the way back in flight leads to. The last good release is in state.json; when somebody goes back from that one itself, the
 * one before it takes its place there.
 * @throws DeployError not-found, corrupt.
 */
export function releaseBefore({ ledger, paths }: Pick<AgentContext, 'ledger' | 'paths'>): AgentConfig {
  const lastGood = readState(paths.state);
  const { attempt } = ledger.journal;
  const isLeft = attempt?.byHand === true && lastGood?.hash === attempt.config.hash;
  const before = isLeft ? attempt.before : lastGood;
  if (before === undefined) throw new DeployError('not-found', `there is no ${paths.state} to go back to`);
  if (isLeft) writeState(paths.state, before);
  return before;
}

/**
 * From what to what an operator can go back now.
 * @throws DeployError in-use while something is in flight; not-found when there is nothing to go back to.
 */
export function wayBackByHand(
  { attempt }: Journal,
  inFlight: boolean,
  lastGood: AgentConfig | undefined,
): { readonly from: AgentConfig; readonly to: AgentConfig } {
  if (inFlight)
    throw new DeployError('in-use', 'a deployment is in progress', {
      hint: 'wait until it has ended; ctl status tells',
    });
  if (attempt?.step === 'rolled-back')
    throw new DeployError('conflict', 'it was gone back already, the last good release runs');
  const to = attempt?.step === 'healthy' ? attempt.before : lastGood;
  if (attempt === undefined || to === undefined || to.hash === attempt.config.hash)
    throw new DeployError('not-found', 'no earlier release is known here', {
      hint: 'roll back at the registry instead: deployctl rollback',
    });
  return { from: attempt.config, to };
}
