import type { FleetWriter, HistoryPart } from '../../meta/fleet-store.js';

/** The most bytes of the logs of deploys, and also of the deploys without their logs. */
export interface HistoryBounds {
  readonly total: number;
  /** The share of one key. */
  readonly perKey: number;
}

const PARTS: readonly HistoryPart[] = ['logs', 'deploys'];

/**
 * Deletes the oldest history of the key with the largest share where a bound is exceeded, so that one key cannot remove the
 * history of others. A call after each deploy keeps the bounds. @returns bytes that were freed.
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
