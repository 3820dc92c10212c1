import { STAMP_NUMBERS, stampAt } from '../plan/disk-release.js';
import type { LayerManifest } from '../plan/layer-manifest.js';
import type { EntryPlace, TreeNode } from '../plan/release-tree.js';
import type { ReleaseRecord } from './release-record.js';

/** Longer than any tick of a file system's clock: a later change shows in the ctime. */
const TICK_NS = 20_000_000n;

/** The files that can be recorded: those with content, under the path of the entry that made them. */
export function recordable(nodes: readonly TreeNode[]): TreeNode[] {
  return nodes.filter(({ chunks, paths, entry }) => chunks.length > 0 && paths[0] === entry.path);
}

export interface StampedNodes {
  readonly nodes: readonly TreeNode[];
  /** A row for each of `nodes`. */
  readonly stamps: BigInt64Array;
}

/**
 * The record of a release, made any time after it was complete. A file that was changed since, or less than a tick
 * before, is left out: it is verified by its digest when it is wanted. So what is recorded is what was built, although
 * it is looked at later. (A file changed through a link while the release was built shows in its size or time.)
 * @param finishedAt when the release was complete, by the clock of its file system, in nanoseconds since 1970.
 */
export function recordOf(
  manifests: readonly LayerManifest[],
  { nodes, stamps }: StampedNodes,
  finishedAt: bigint,
): ReleaseRecord {
  const places: EntryPlace[] = [];
  const kept = new BigInt64Array(stamps.length);
  for (const [row, { entry, place }] of nodes.entries()) {
    const stamp = stampAt(stamps, row);
    const [, size, mtimeNs = 0n, ctimeNs = finishedAt] = stamp;
    const isAsBuilt = size === BigInt(entry.size) && mtimeNs / 1000n === microseconds(entry);
    if (!isAsBuilt || ctimeNs >= finishedAt - TICK_NS) continue;
    kept.set(stamp, places.length * STAMP_NUMBERS);
    places.push(place);
  }
  return {
    manifests: manifests.map(({ digest }) => digest),
    places,
    stamps: kept.subarray(0, places.length * STAMP_NUMBERS),
  };
}

function microseconds({ mtimeSeconds, mtimeNanoseconds }: TreeNode['entry']): bigint {
  return BigInt(mtimeSeconds) * 1_000_000n + BigInt(Math.floor(mtimeNanoseconds / 1000));
}
