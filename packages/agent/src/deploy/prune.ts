import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';

/** What pruning needs of other phases' ground; cycle.ts passes it in. */
export interface Pruning {
  readonly pruneCache: (context: AgentContext, needed: ReadonlySet<string>) => Promise<void>;
  readonly pruneRecords: (context: AgentContext, needed: readonly AgentConfig[]) => Promise<void>;
  readonly removeLeftovers: (context: AgentContext, salvage: boolean) => Promise<void>;
  /** All but the newest `keep` and those that are spared. */
  readonly removeReleases: (keep: number, spared: ReadonlySet<string>) => Promise<void>;
}

/**
 * Removes archives, manifests and half-built releases that are not needed any more, and releases: all but the newest of
 * them, and those that failed longer ago; with -cleanold all but those that are needed. A failure is logged: it
 * changes nothing of what runs.
 * @param needed what runs, what is gone back to, and what may be tried again.
 */
export async function prune(
  context: AgentContext,
  pruning: Pruning,
  needed: readonly AgentConfig[],
): Promise<void> {
  const { cleanOld, keep } = context.settings;
  try {
    await pruning.removeReleases(cleanOld ? 0 : keep, new Set(needed.map(({ hash }) => hash)));
    await pruning.removeLeftovers(context, false);
    await pruning.pruneRecords(context, needed);
    const layers = needed.flatMap((config) => config.layers.map(({ hash }) => hash));
    await pruning.pruneCache(context, new Set(layers));
  } catch (error) {
    if (context.signal.aborted) context.log.info('cleaning up is left to the next deployment');
    else context.log.warn({ err: describeError(error) }, 'cleaning up failed');
  }
}
