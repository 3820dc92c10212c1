import { Worker } from 'node:worker_threads';
import { DeployError, describeError, errnoOf } from '../errors.js';
import { fromSentError, toSentError } from './sent-error.js';
import type { ThreadReply } from './serve-thread.js';

/** One task for a thread of its own. */
export interface ThreadTask {
  /** The module that the thread runs; it calls `serveThread`. */
  readonly module: URL;
  /** Given to the module as `workerData`. */
  readonly task: unknown;
  /** Bounds the objects of the thread, in MiB, whatever its input makes it allocate. */
  readonly heapMiB: number;
  /** Bounds the young generation, in MiB: a small one is collected often, and with it the buffers of inflated data. */
  readonly youngHeapMiB?: number;
  /** How messages name the thread: `the unpacking thread`. */
  readonly name: string;
  /** The reason and the advice when the task takes more than `heapMiB`. */
  readonly tooLarge: { readonly message: string; readonly hint: string };
}

/** How a task ended, whether its thread could answer or not. */
export type ThreadOutcome<Answer> = ThreadReply<Answer> | { readonly kind: 'out-of-memory' };

/**
 * Runs a task in a thread of its own, because it works with synchronous calls. An abort ends the thread at once and leaves
 * what it had written.
 * @returns the answer. Settles only when the thread has ended, so that nothing is written afterwards.
 * @throws DeployError cancelled; the error that the task failed with; too-large, when it takes more memory than it may;
 *   internal, when the thread died.
 */
export async function runInThread<Answer>(task: ThreadTask, signal: AbortSignal): Promise<Answer> {
  const outcome: ThreadOutcome<Answer> = await threadOutcome(task, signal);
  if (signal.aborted) throw new DeployError('cancelled', 'stopped before it was done');
  if (outcome.kind === 'done') return outcome.answer;
  if (outcome.kind === 'failed') throw fromSentError(outcome.error);
  throw new DeployError('too-large', task.tooLarge.message, { hint: task.tooLarge.hint });
}

/** As {@link runInThread}, for a caller that has another way when the memory is too small; an abort is a failure. */
export function threadOutcome<Answer>(
  { module, task, name, heapMiB, youngHeapMiB }: Omit<ThreadTask, 'tooLarge'>,
  signal: AbortSignal,
): Promise<ThreadOutcome<Answer>> {
  const failed = (what: string): ThreadOutcome<Answer> => ({
    kind: 'failed',
    error: toSentError(new DeployError('internal', `${name} ${what}`)),
  });
  if (signal.aborted) return Promise.resolve(failed('was stopped'));
  const young = youngHeapMiB === undefined ? {} : { maxYoungGenerationSizeMb: youngHeapMiB };
  const worker = new Worker(module, {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: heapMiB, ...young },
  });
  const stop = (): void => {
    void worker.terminate();
  };
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<ThreadOutcome<Answer>>((resolve) => {
    let outcome = failed('ended without an answer');
    worker.once('message', (reply: ThreadReply<Answer>) => {
      outcome = reply;
    });
    worker.once('error', (error) => {
      const isOutOfMemory = errnoOf(error) === 'ERR_WORKER_OUT_OF_MEMORY';
      outcome = isOutOfMemory ? { kind: 'out-of-memory' } : failed(`died: ${describeError(error)}`);
    });
    worker.once('exit', () => resolve(outcome));
  }).finally(() => signal.removeEventListener('abort', stop));
}
