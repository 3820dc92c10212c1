import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { AgentContext } from './agent-context.js';
import { isSettled, type Live, liveRelease } from './journal.js';

/** Whether what is wanted runs already, and is proven. @param lastGood what state.json holds. */
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

/** Records that an attempt at a configuration begins. @param lastGood what state.json holds. */
export function beginAttempt(
  { ledger, facts }: AgentContext,
  lastGood: AgentConfig | undefined,
  config: AgentConfig,
): void {
  ledger.begin(config, oldFor(config, liveRelease(ledger.journal, lastGood)));
  facts.clear();
}

/**
 * What scripts get as OLDROOT: what is live, also when that very release is deployed again. After a script failed it is what that
 * script got, as with the Go agent, except for that release itself: then it is the one whose script failed.
 */
function oldFor(config: AgentConfig, live: Live | undefined): AgentConfig | undefined {
  if (live === undefined || live.how === 'proven') return live?.config;
  const { before } = live;
  if (live.how === 'activating') return before?.hash === config.hash ? live.config : before;
  return live.config.hash === config.hash ? before : live.config;
}
