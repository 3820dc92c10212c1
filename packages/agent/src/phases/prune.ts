import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../agent-context.js';

/** What pruning needs of other phases' ground; cycle.ts passes it in. */
export interface Pruning {
  readonly pruneCache: (context: AgentContext, needed: ReadonlySet<string>) => Promise<void>;
  readonly removeRelease: (context: AgentContext, hash: string) => Promise<void>;
}

/**
 * Removes archives that neither release needs and, with -cleanold, the release before. A failure is logged: the new
 * release runs all the same.
 */
export async function prune(
  context: AgentContext,
  pruning: Pruning,
  before: AgentConfig | undefined,
  config: AgentConfig,
): Promise<void> {
  try {
    const old = context.settings.cleanOld && before?.hash !== config.hash ? before : undefined;
    if (old !== undefined) await pruning.removeRelease(context, old.hash);
    await pruning.pruneCache(context, new Set(config.layers.map((layer) => layer.hash)));
  } catch (error) {
    context.log.warn({ err: describeError(error) }, 'cleaning up failed');
  }
}
