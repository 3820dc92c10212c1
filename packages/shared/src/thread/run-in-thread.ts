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
  /** Bounds the memory for the thread's objects, in MiB. */
  readonly heapMiB: number;
  /** Bounds the young generation, in MiB. A small one is collected often, together with the buffers of decompressed data. */
  readonly youngHeapMiB?: number;
  /** How messages name the thread: `the unpacking thread`. */
  readonly name: string;
  /** The error's message and hint when the task needs more than `heapMiB`. */
  readonly tooLarge: { readonly message: string; readonly hint: string };
}

/** The end of a task: the reply of its thread, or the lack of memory. */
export type ThreadOutcome<Answer> = ThreadReply<Answer> | { readonly kind: 'out-of-memory' };

/**
 * Runs a task with synchronous calls in a thread of its own. An abort ends the thread at once; files that it has written stay.
 * Settles when the thread has ended, so that nothing is written afterwards.
 * @throws DeployError cancelled; the error of the task; too-large, when it needs too much memory; internal, when the thread died.
 */
export async function runInThread<Answer>(task: ThreadTask, signal: AbortSignal): Promise<Answer> {
  const outcome: ThreadOutcome<Answer> = await threadOutcome(task, signal);
  if (signal.aborted) throw new DeployError('cancelled', 'stopped before it was done');
  if (outcome.kind === 'done') return outcome.answer;
  if (outcome.kind === 'failed') throw fromSentError(outcome.error);
  throw new DeployError('too-large', task.tooLarge.message, { hint: task.tooLarge.hint });
}

/** Runs a task like {@link runInThread}, but returns its failure, its abort, and the lack of memory as an outcome. */
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
