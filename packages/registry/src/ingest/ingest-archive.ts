import { rm } from 'node:fs/promises';
import type { Ingested, IngestTask } from './ingest-task.js';
import { LayerTaskRunner } from './layer-task-runner.js';
import { spoolPath } from './spool.js';

/**
 * Derives manifest and pack from a stored archive, in a thread of its own. The files are durable but for their names,
 * which the caller changes; after a failure or an abort there are none.
 * @returns what it made, and the time that it took in milliseconds.
 * @throws DeployError invalid, corrupt, unsafe, too-large: the archive's fault, refuse it; unsupported: the archive was
 *   read to its end and is safe, but no manifest can describe it; cancelled; no-space; not-found, denied and internal.
 */
export async function ingestArchive(
  task: IngestTask,
  signal: AbortSignal,
  runner: LayerTaskRunner = new LayerTaskRunner(),
): Promise<Ingested & { readonly ms: number }> {
  const started = performance.now();
  try {
    const ingested = await runner.run('ingest', task, signal);
    return { ...ingested, ms: performance.now() - started };
  } catch (error) {
    const { manifest, pack } = task.into;
    for (const path of [manifest, pack, spoolPath(pack)]) await rm(path, { force: true });
    throw error;
  }
}
