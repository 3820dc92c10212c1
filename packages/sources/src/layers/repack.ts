import { Worker } from 'node:worker_threads';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { ImageTask, Repacked, RepackReply, RepackTask } from './repack-task.js';

/** Bounds what a hostile artifact can make the thread allocate; one block of bzip2 may take half of it. */
const MAX_HEAP_MIB = 1024;

/**
 * Makes a tar.gz of an artifact in a thread of its own. An abort ends the thread at once and leaves what it had written.
 * @throws DeployError cancelled; what the task failed with; too-large, when it took more memory than it may; internal.
 */
export async function repack(task: RepackTask, signal: AbortSignal): Promise<Repacked> {
  const [made] = await inThread(task, signal);
  if (made === undefined) throw new DeployError('internal', 'the packing thread made nothing');
  return made;
}

/** Makes the archives of an image's layers, lowest first, as `repack` does of an artifact. */
export async function packImage(task: ImageTask, signal: AbortSignal): Promise<readonly Repacked[]> {
  return await inThread(task, signal);
}

async function inThread(task: RepackTask | ImageTask, signal: AbortSignal): Promise<readonly Repacked[]> {
  if (signal.aborted) throw cancelled();
  const worker = new Worker(new URL('./repack-worker.js', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  const abort = (): void => {
    void worker.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const reply = await replyOf(worker);
    if (signal.aborted) throw cancelled();
    if (reply === undefined) throw new DeployError('internal', 'the packing thread ended without an answer');
    if (reply.kind === 'done') return reply.made;
    const { kind, message, hint } = reply.error;
    throw new DeployError(kind, message, hint === undefined ? {} : { hint });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves once the thread has ended, so that nothing is written after; undefined when it gave no answer. */
function replyOf(worker: Worker): Promise<RepackReply | undefined> {
  return new Promise((resolve, reject) => {
    let reply: RepackReply | undefined;
    worker.once('message', (message: RepackReply) => {
      reply = message;
    });
    worker.once('error', (error: Error & { code?: string }) => {
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const why = outOfMemory ? 'it takes too much memory to decompress' : 'the packing thread died';
      const kind = outOfMemory ? 'too-large' : 'internal';
      reject(new DeployError(kind, `${why}: ${describeError(error)}`, { cause: error }));
    });
    worker.once('exit', () => resolve(reply));
  });
}

function cancelled(): DeployError {
  return new DeployError('cancelled', 'packing the artifact anew was stopped');
}
