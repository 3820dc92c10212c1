import { Worker } from 'node:worker_threads';
import { DeployError, describeError, errnoOf } from '@deploy-tools/shared/errors.js';
import { deployErrorOf } from '@deploy-tools/shared/plain-error.js';
import type { LayerReply, LayerTasks } from './layer-task.js';

/** A small young generation is collected often, and with it the buffers of inflated data: 60 MB less at the peak. */
const YOUNG_HEAP_MIB = 2;

/** A layer of a million entries stays below. */
const MAX_HEAP_MIB = 1024;

/**
 * Runs a task in a thread of its own, because it works with synchronous calls. An abort ends the thread at once.
 * @throws DeployError what the task failed with; cancelled; unsupported, when the thread would take too much memory;
 *   internal, when it died.
 */
export async function runLayerTask<Kind extends keyof LayerTasks>(
  kind: Kind,
  given: LayerTasks[Kind]['given'],
  signal: AbortSignal,
): Promise<LayerTasks[Kind]['answer']> {
  if (signal.aborted) throw cancelled();
  const worker = new Worker(new URL('./layer-worker.js', import.meta.url), {
    workerData: { kind, given },
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
  });
  const abort = (): void => {
    void worker.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const reply = await replyOf<Kind>(worker);
    if (signal.aborted) throw cancelled();
    if (reply === undefined) throw new DeployError('internal', 'the thread ended without an answer');
    if (reply.kind === 'failed') throw deployErrorOf(reply.error);
    return reply.answer;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves once the thread has ended, so that nothing is written after; undefined when it gave no answer. */
function replyOf<Kind extends keyof LayerTasks>(worker: Worker): Promise<LayerReply<Kind> | undefined> {
  return new Promise((resolve, reject) => {
    let reply: LayerReply<Kind> | undefined;
    let failure: DeployError | undefined;
    worker.once('message', (message: LayerReply<Kind>) => {
      reply = message;
    });
    worker.once('error', (error) => {
      failure = threadError(error);
    });
    worker.once('exit', () => (failure === undefined ? resolve(reply) : reject(failure)));
  });
}

function threadError(error: unknown): DeployError {
  if (errnoOf(error) === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new DeployError('unsupported', 'the layer has too many entries or chunks for a manifest', {
      cause: error,
    });
  }
  return new DeployError('internal', `the thread died: ${describeError(error)}`, { cause: error });
}

function cancelled(): DeployError {
  return new DeployError('cancelled', 'stopped before it was done');
}
