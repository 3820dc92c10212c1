import { basename } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { describeError } from '@deploy-tools/shared/errors.js';
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
import { DamagedState, readState } from './state-file.js';

/** Prunes after a failure or a veto; keeps the release of the attempt for inspection and the retry. */
export async function cleanUpAround(context: AgentContext): Promise<void> {
  const { attempt } = context.ledger.journal;
  try {
    await cleanUp(context, [attempt?.before, attempt?.config]);
  } catch (error) {
    if (!(error instanceof DamagedState)) throw error; // The next poll reports it.
  }
}

/**
 * Removes archives, layer manifests and releases that are not needed any more, half-built ones included; never a release from which a
 * program runs. A failure is only logged.
 * @param more configurations that are needed besides the live one and those that a rollback may need.
 * @throws DamagedState.
 */
export async function cleanUp(
  context: AgentContext,
  more: readonly (AgentConfig | undefined)[],
): Promise<void> {
  const { releases, signal, log } = context;
  const needed = neededReleases(context, more);
  try {
    await pruneReleases(context, needed);
    await removeLeftovers(releases, false);
    await pruneRecords(releases, needed);
    const layers = needed.flatMap((config) => config.layers.map(({ hash }) => hash));
    await pruneCache(releases, new Set(layers));
  } catch (error) {
    if (signal.aborted) log.info('cleaning up was interrupted; the next deployment does it');
    else log.warn({ err: describeError(error) }, 'cleaning up failed');
  }
}

/** The live configuration comes first. */
function neededReleases(
  { ledger, paths, settings }: AgentContext,
  more: readonly (AgentConfig | undefined)[],
): readonly AgentConfig[] {
  const lastGood = readState(paths.state);
  const live = liveRelease(ledger.journal, lastGood)?.config;
  // With -cleanold a rollback by an operator fetches its release again.
  const proven = settings.cleanOld ? [lastGood] : [lastGood, ...(ledger.journal.proven ?? [])];
  return [live, ...proven, ...more].filter((config) => config !== undefined);
}

/** Removes all but the newest and the needed releases; with -cleanold all but the needed ones. */
async function pruneReleases(
  { releases, settings, paths, host }: AgentContext,
  needed: readonly AgentConfig[],
): Promise<void> {
  const { cleanOld, keep, keepsForeign } = settings;
  const ignored = keepsForeign ? foreignReleases(paths.unpacked, paths.records) : [];
  const running = host.directories.map((root) => basename(root));
  const spared = new Set([...needed.map(({ hash }) => hash), ...running]);
  const needless = superfluousReleases(paths.unpacked, cleanOld ? 0 : keep, { spared, ignored });
  const remove = () => removeReleases(releases, needless);
  if (needless.length > 0) await keepRecord(releases, needed[0]?.hash ?? '', remove);
}
