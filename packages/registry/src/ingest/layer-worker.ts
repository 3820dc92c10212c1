import { parentPort, workerData } from 'node:worker_threads';
import { archiveFile } from '@deploy-tools/shared/archive/read-archive.js';
import { plainError } from '@deploy-tools/shared/plain-error.js';
import { ingestInto } from './ingest-into.js';
import type { LayerReply, LayerTask, LayerTasks } from './layer-task.js';
import { verifyLayer } from './verify-layer.js';

/** The body of the thread that run-layer-task.ts starts: one task, one reply. */
async function main(task: LayerTask): Promise<LayerReply<keyof LayerTasks>> {
  try {
    const answer =
      task.kind === 'ingest'
        ? await ingestInto(task.given, archiveFile(task.given.archive))
        : verifyLayer(task.given);
    return { kind: 'done', answer };
  } catch (error) {
    return { kind: 'failed', error: plainError(error) };
  }
}

parentPort?.postMessage(await main(workerData));
