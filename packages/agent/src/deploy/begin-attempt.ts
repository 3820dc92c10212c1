import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { AgentContext } from '../agent-context.js';
import { isSettled } from './journal.js';
import { isPlaced } from './place-release.js';

/** Whether what is wanted runs already, proven. @param before what state.json holds. */
export function isCurrent(
  context: AgentContext,
  before: AgentConfig | undefined,
  wanted: AgentConfig,
): boolean {
  const { ledger, program } = context;
  if (before?.hash !== wanted.hash || !isSettled(ledger.journal)) return false;
  if (!isPlaced(context, wanted.hash)) return false;
  return program === undefined || program.root !== undefined;
}

/** Notes that an attempt at a configuration begins. @param before what state.json holds. */
export function beginAttempt(
  { ledger, facts }: AgentContext,
  before: AgentConfig | undefined,
  config: AgentConfig,
): void {
  // What failed is the old release for the last good one when that is wanted again.
  const failed = isSettled(ledger.journal) ? undefined : ledger.journal.attempt?.config;
  const old = before?.hash === config.hash ? failed : before;
  ledger.begin(config, old?.hash === config.hash ? undefined : old);
  facts.clear();
}
