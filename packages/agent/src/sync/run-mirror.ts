import { Worker } from 'node:worker_threads';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { deployErrorOf } from '@deploy-tools/shared/plain-error.js';
import type { MirrorReply, MirrorTask } from './mirror-task.js';
import type { SyncCounts } from './sync-request.js';

/**
 * Makes a directory like another in a thread of its own, because it works with synchronous calls. An abort ends the
 * thread at once: each file is the old or the new one then, and a temporary one may be left, which the next run removes.
 * @throws DeployError cancelled; what the system refuses, with the name of the file; internal, when the thread died.
 */
export async function runMirror(
  task: MirrorTask,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<SyncCounts> {
  if (signal.aborted) throw cancelled();
  const worker = new Worker(new URL('./mirror-worker.js', import.meta.url), { workerData: task });
  const abort = (): void => {
    void worker.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const reply = await answerOf(worker, log);
    if (signal.aborted) throw cancelled();
    if (reply?.kind === 'done') return reply.counts;
    throw reply === undefined
      ? new DeployError('internal', 'the syncing thread ended without an answer')
      : deployErrorOf(reply.error);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves once the thread has ended, so that nothing is written after; undefined when it gave no answer. */
function answerOf(
  worker: Worker,
  log: (line: string) => void,
): Promise<Exclude<MirrorReply, { kind: 'line' }> | undefined> {
  return new Promise((resolve, reject) => {
    let answer: Exclude<MirrorReply, { kind: 'line' }> | undefined;
    worker.on('message', (reply: MirrorReply) => {
      if (reply.kind === 'line') log(reply.line);
      else answer = reply;
    });
    worker.once('error', (error) => {
      reject(
        new DeployError('internal', `the syncing thread failed: ${String(error.message)}`, { cause: error }),
      );
    });
    worker.once('exit', () => resolve(answer));
  });
}

function cancelled(): DeployError {
  return new DeployError('cancelled', 'stopped before it was done');
}
