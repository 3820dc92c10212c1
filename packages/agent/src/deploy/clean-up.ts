import { basename } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { pruneCache } from '../release/archive-cache.js';
import { keepRecord } from '../release/records/keep-record.js';
import { pruneRecords } from '../release/records/prune-records.js';
import {
  foreignReleases,
  removeLeftovers,
  removeReleases,
  superfluousReleases,
} from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import { liveRelease } from './journal.js';
import { prune } from './prune.js';
import { DamagedState, readState } from './state-file.js';

/** After a failure or a veto: what failed, or waits, stays for who looks at it and for the next attempt, but does not pile up. */
export async function cleanUpAround(context: AgentContext): Promise<void> {
  const { attempt } = context.ledger.journal;
  try {
    await cleanUp(context, [attempt?.before, attempt?.config]);
  } catch (error) {
    if (!(error instanceof DamagedState)) throw error; // which is told where it matters
  }
}

/**
 * Removes what is needed no more, and no release that a program still runs from.
 * @param more what is needed besides what is live and what is gone back to.
 */
export async function cleanUp(
  context: AgentContext,
  more: readonly (AgentConfig | undefined)[],
): Promise<void> {
  const { ledger, paths, settings, program } = context;
  const lastGood = readState(paths.state);
  const live = liveRelease(ledger.journal, lastGood)?.config;
  // With -cleanold the release before the last good one is fetched again when somebody goes back to it.
  const proven = settings.cleanOld ? [lastGood] : [lastGood, ...(ledger.journal.proven ?? [])];
  const needed = [live, ...proven, ...more].filter((config) => config !== undefined);
  const removeSome = async (keep: number, spared: ReadonlySet<string>): Promise<void> => {
    const ignored = settings.keepsForeign ? await foreignReleases(paths.unpacked, paths.records) : [];
    const running = (program?.directories ?? []).map((root) => basename(root));
    const needless = { spared: new Set([...spared, ...running]), ignored };
    const releases = await superfluousReleases(paths.unpacked, keep, needless);
    const remove = () => removeReleases(context, releases);
    if (releases.length > 0) await keepRecord(context, needed[0]?.hash ?? '', remove);
  };
  const pruning = { pruneCache, pruneRecords, removeLeftovers, removeReleases: removeSome };
  await prune(context, pruning, needed);
}
