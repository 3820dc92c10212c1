import { rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { DeployError, describeError, errnoOf } from '@deploy-tools/shared/errors.js';
import type { Ingested, IngestReply, IngestTask } from './ingest-task.js';

/** A small young generation is collected often, and with it the buffers of inflated data. */
const YOUNG_HEAP_MIB = 4;

/** A layer of a million entries stays below. */
const MAX_HEAP_MIB = 1024;

/**
 * Derives manifest and pack from a stored archive, in a thread of its own. The files are durable but for their names,
 * which the caller changes; after a failure or an abort there are none.
 * @returns what it made, and the time that it took in milliseconds.
 * @throws DeployError invalid, corrupt, unsafe, too-large: the archive's fault, refuse it; unsupported: the archive is
 *   good, but no manifest can tell of it: do without one; cancelled; no-space; internal, when the thread died.
 */
export async function ingestArchive(
  task: IngestTask,
  signal: AbortSignal,
): Promise<Ingested & { readonly ms: number }> {
  const started = performance.now();
  try {
    const ingested = await runTask(task, signal);
    return { ...ingested, ms: performance.now() - started };
  } catch (error) {
    await rm(task.into.pack, { force: true });
    await rm(task.into.manifest, { force: true });
    throw error;
  }
}

async function runTask(task: IngestTask, signal: AbortSignal): Promise<Ingested> {
  if (signal.aborted) throw cancelled();
  const worker = new Worker(new URL('./ingest-worker.js', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
  });
  const abort = (): void => {
    void worker.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const reply = await replyOf(worker);
    if (signal.aborted) throw cancelled();
    if (reply === undefined) throw new DeployError('internal', 'the indexing thread ended without an answer');
    if (reply.kind === 'done') return reply.ingested;
    const { kind, message, hint } = reply.error;
    throw new DeployError(kind, message, hint === undefined ? {} : { hint });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves once the thread has ended, so that nothing is written after; undefined when it gave no answer. */
function replyOf(worker: Worker): Promise<IngestReply | undefined> {
  return new Promise((resolve, reject) => {
    let reply: IngestReply | undefined;
    worker.once('message', (message: IngestReply) => {
      reply = message;
    });
    worker.once('error', (error) => reject(threadError(error)));
    worker.once('exit', () => resolve(reply));
  });
}

function threadError(error: unknown): DeployError {
  if (errnoOf(error) === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new DeployError('unsupported', 'the archive has too many entries or chunks for a manifest', {
      cause: error,
    });
  }
  return new DeployError('internal', `the indexing thread died: ${describeError(error)}`, { cause: error });
}

function cancelled(): DeployError {
  return new DeployError('cancelled', 'indexing was stopped');
}
