import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { readWholeState } from './state-file.js';

type Known = Pick<AgentContext, 'ledger' | 'paths'>;

/**
 * The last good release, which state.json holds. Where that file was damaged or removed since the attempt began, it is the release
 * that was live then, if that was proven.
 * @returns undefined where no release is known to be good.
 */
export function lastGoodRelease({ ledger, paths }: Known): AgentConfig | undefined {
  const { attempt, proven = [] } = ledger.journal;
  const before = attempt?.before;
  const isProven = proven.some(({ hash }) => hash === before?.hash);
  return readWholeState(paths.state) ?? (isProven ? before : undefined);
}

/**
 * The target of the rollback in flight: the last good release, or the one that an operator on the host asked for.
 * @throws DeployError not-found.
 */
export function releaseBefore({ ledger, paths }: Known): AgentConfig {
  const { attempt } = ledger.journal;
  const before = attempt?.byHand === true ? attempt.before : lastGoodRelease({ ledger, paths });
  if (before === undefined) throw new DeployError('not-found', `there is no ${paths.state} to roll back to`);
  return before;
}
