import { performance } from 'node:perf_hooks';
import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { runTreeTask } from './run-tree-task.js';
import type { LayerArchive, Ownership, TreeCounts } from './tree-task.js';

export interface UnpackRequest {
  /** In order: a later layer overwrites an earlier one. */
  readonly layers: readonly LayerArchive[];
  /** Absolute path of an empty directory that nobody else uses. */
  readonly into: string;
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
  /** Stops the work; the promise settles once nothing writes any more. */
  readonly signal: AbortSignal;
}

export interface UnpackStats extends TreeCounts {
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/**
 * Unpacks the layers of a release, in order, into one directory: the tree that GNU tar would make of them (see
 * docs/unpacking.md for the rules). On failure the directory is left as far as it got, for the caller to remove; it
 * never holds anything of the entry that was refused, and nothing is ever written outside of it.
 * @throws DeployError unsafe, too-large, invalid, corrupt: names the layer, the entry and the reason; no-space, denied,
 *   not-found; cancelled; exists, when `into` is not empty.
 */
export async function unpackLayers(request: UnpackRequest): Promise<UnpackStats> {
  const { signal, layers, into, policy, ownership } = request;
  const begun = performance.now();
  const { entries, bytes, stripped } = await runTreeTask(
    { kind: 'unpack', layers, into, policy, ownership },
    signal,
  );
  return { entries, bytes, stripped, ms: performance.now() - begun };
}
