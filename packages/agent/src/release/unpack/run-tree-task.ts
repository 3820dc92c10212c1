import { Worker } from 'node:worker_threads';
import { DeployError, describeError, errnoOf } from '@deploy-tools/shared/errors.js';
import type { TreeCounts, TreeReply, TreeTask } from './tree-task.js';

/** A small young generation is collected often, and with it the buffers of inflated data: 25 MB less at the peak. */
const YOUNG_HEAP_MIB = 4;

/** Bounds what a hostile archive can make the thread allocate; a release of a million entries stays below. */
const MAX_HEAP_MIB = 1024;

/**
 * Runs a task in a thread of its own, because it works with synchronous calls. An abort ends the thread at once and
 * leaves what it had written.
 * @param heapMiB how much the thread's objects may take, in MiB.
 * @throws DeployError cancelled; what the task failed with; too-large, when the thread would take more memory than
 *   that; internal, when it died.
 */
export async function runTreeTask(
  task: TreeTask,
  signal: AbortSignal,
  heapMiB = MAX_HEAP_MIB,
): Promise<TreeCounts> {
  if (signal.aborted) throw cancelled();
  const worker = new Worker(new URL('./tree-worker.js', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
  });
  const abort = (): void => {
    void worker.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const reply = await replyOf(worker, heapMiB);
    if (signal.aborted) throw cancelled();
    if (reply?.kind === 'done') return reply;
    if (reply === undefined)
      throw new DeployError('internal', 'the thread that works on the tree ended without an answer');
    throw new DeployError(
      reply.error.kind,
      reply.error.message,
      reply.error.hint === undefined ? {} : { hint: reply.error.hint },
    );
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves once the thread has ended, so that nothing is written after; undefined when it gave no answer. */
function replyOf(worker: Worker, heapMiB: number): Promise<TreeReply | undefined> {
  return new Promise((resolve, reject) => {
    let reply: TreeReply | undefined;
    worker.once('message', (message: TreeReply) => {
      reply = message;
    });
    worker.once('error', (error) => reject(threadError(error, heapMiB)));
    worker.once('exit', () => resolve(reply));
  });
}

function threadError(error: unknown, heapMiB: number): DeployError {
  if (errnoOf(error) !== 'ERR_WORKER_OUT_OF_MEMORY')
    return new DeployError('internal', `the thread that works on the tree died: ${describeError(error)}`, {
      cause: error,
    });
  return new DeployError(
    'too-large',
    `the release has so many entries that unpacking it takes more than ${heapMiB} MiB of memory`,
    { hint: 'make it of fewer files', cause: error },
  );
}

function cancelled(): DeployError {
  return new DeployError('cancelled', 'stopped before it was done');
}
