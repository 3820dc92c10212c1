import { Worker } from 'node:worker_threads';
import { DeployError, describeError, errnoOf } from '@deploy-tools/shared/errors.js';
import { plainError } from '@deploy-tools/shared/plain-error.js';
import type { LayerOutcome, LayerReply, LayerTaskOf, LayerTasks } from './layer-task.js';

/** A small young generation is collected often, and with it the buffers of inflated data: 60 MB less at the peak. */
const YOUNG_HEAP_MIB = 2;

/**
 * Runs a task in a thread of its own, because it works with synchronous calls. Resolves once the thread has ended, so
 * that nothing is written after. An abort ends the thread at once.
 * @param heapMiB how much the thread's own objects may take, in MiB.
 */
export async function runInThread<Kind extends keyof LayerTasks>(
  task: LayerTaskOf<Kind>,
  heapMiB: number,
  signal: AbortSignal,
): Promise<LayerOutcome<Kind>> {
  const worker = new Worker(new URL('./layer-worker.js', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
  });
  const abort = (): void => {
    void worker.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await outcomeOf<Kind>(worker);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function outcomeOf<Kind extends keyof LayerTasks>(worker: Worker): Promise<LayerOutcome<Kind>> {
  return new Promise((resolve) => {
    let outcome: LayerOutcome<Kind> = failed('the thread ended without an answer');
    worker.once('message', (reply: LayerReply<Kind>) => {
      outcome = reply;
    });
    worker.once('error', (error) => {
      outcome =
        errnoOf(error) === 'ERR_WORKER_OUT_OF_MEMORY'
          ? { kind: 'out-of-memory' }
          : failed(`the thread died: ${describeError(error)}`);
    });
    worker.once('exit', () => resolve(outcome));
  });
}

function failed(message: string): LayerReply<never> {
  return { kind: 'failed', error: plainError(new DeployError('internal', message)) };
}
