import { parentPort, workerData } from 'node:worker_threads';
import { type SentError, toSentError } from './sent-error.js';

/** The one message that a thread sends before it ends. */
export type ThreadReply<Answer> =
  | { readonly kind: 'done'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: SentError };

/** Runs the only task of a thread that `runInThread` has started, and sends the reply. */
export async function serveThread<Task, Answer>(
  carryOut: (task: Task) => Answer | Promise<Answer>,
): Promise<void> {
  let reply: ThreadReply<Answer>;
  try {
    reply = { kind: 'done', answer: await carryOut(workerData) };
  } catch (error) {
    reply = { kind: 'failed', error: toSentError(error) };
  }
  parentPort?.postMessage(reply);
}
