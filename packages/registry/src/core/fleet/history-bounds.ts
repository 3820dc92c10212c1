import type { FleetWriter, HistoryPart } from '../../meta/fleet-store.js';

/** Bytes that are kept of the logs of deploys; and, once more, of the deploys themselves. */
export interface HistoryBounds {
  readonly total: number;
  /** Of what was told with one key. */
  readonly perKey: number;
}

const PARTS: readonly HistoryPart[] = ['logs', 'deploys'];

/**
 * Makes some room where there is too much: more than one deploy takes, so that a call after each of them holds the bounds.
 * Always the key with the most gives: one that fills its share, or tries to have all of it, pushes out its own, and who
 * has less than others loses nothing.
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
