import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { AgentContext } from './agent-context.js';
import { isSameRevision } from './hold.js';

/**
 * How long a deployment still has to wait. A host on which nothing runs does not wait, and neither does a retry that an operator
 * asked for.
 * @param lastGood what state.json holds.
 * @param request.sleeps whether the time is spent here; otherwise the caller polls again.
 * @returns milliseconds. @throws AbortError.
 */
export async function delayBefore(
  { delay, ledger, log, timers, signal }: AgentContext,
  lastGood: AgentConfig | undefined,
  { config, sleeps }: { readonly config: AgentConfig; readonly sleeps: boolean },
): Promise<number> {
  const { hold, again } = ledger.journal;
  const isRetry = again === config.hash || (hold?.retry === true && isSameRevision(hold, config));
  if (lastGood === undefined || isRetry) return 0;
  const { ms, isDrawn } = delay.left(config);
  const { hash, revision } = config;
  if (isDrawn)
    log.info({ hash, revision, seconds: Math.ceil(ms / 1000) }, 'new configuration, waiting a random delay');
  if (!sleeps) return ms;
  if (ms > 0) await timers.sleep(ms, signal);
  return 0;
}
