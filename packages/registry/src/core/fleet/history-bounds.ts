import type { FleetWriter, HistoryPart } from '../../meta/fleet-store.js';

/** Bytes that are kept of the logs of deploys; and, once more, of the deploys themselves. */
export interface HistoryBounds {
  readonly total: number;
  /** Of the reports that came with one key. */
  readonly perKey: number;
}

const PARTS: readonly HistoryPart[] = ['logs', 'deploys'];

/**
 * Deletes the oldest history where a bound is exceeded: more than one deploy takes, so that a call after each deploy keeps
 * the bounds. The key with the most loses: a key that fills its share pushes out its own history, and others lose nothing.
 * @returns bytes that were freed.
 */
export async function boundHistory(fleet: FleetWriter, bounds: HistoryBounds): Promise<number> {
  let freed = 0;
  for (const part of PARTS) {
    const { total, fullest } = await fleet.historySize(part);
    if (fullest === undefined) continue;
    const surplus = Math.max(total - bounds.total, fullest.bytes - bounds.perKey);
    if (surplus > 0) freed += await fleet.dropOldest(part, fullest.fingerprint, surplus);
  }
  return freed;
}
