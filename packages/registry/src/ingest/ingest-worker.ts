import { parentPort, workerData } from 'node:worker_threads';
import { archiveFile } from '@deploy-tools/shared/archive/read-archive.js';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { ingestInto } from './ingest-into.js';
import type { IngestReply, IngestTask } from './ingest-task.js';

/** The body of the thread that ingest-archive.ts starts: one task, one reply. */
async function main(task: IngestTask): Promise<IngestReply> {
  try {
    return { kind: 'done', ingested: await ingestInto(task, archiveFile(task.archive)) };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    return { kind: 'failed', error: { kind, message, hint } };
  }
}

parentPort?.postMessage(await main(workerData));
