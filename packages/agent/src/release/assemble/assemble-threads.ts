import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { fromSentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { AssembleAnswers, AssembleReply, AssembleSetup, AssembleTask } from './assemble-task.js';

const MAX_THREADS = 2;
/** A small young generation is collected often, and with it the buffers of unpacked chunks. */
const YOUNG_HEAP_MIB = 4;
const MAX_HEAP_MIB = 512;
/** Tasks that a thread has at once, so that it never waits for the next one. */
const TASKS_AHEAD = 2;

interface Waiting {
  readonly task: () => AssembleTask;
  readonly resolve: (reply: AssembleReply) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  /** Tasks without an answer so far; answers come in order. */
  readonly sent: Waiting[];
}

/**
 * Threads that build release trees with synchronous calls. Tasks go to whichever is free, `write` tasks first: they
 * hold the memory that the next chunks are fetched into.
 */
export class AssembleThreads {
  readonly #threads: Thread[] = [];
  readonly #urgent: Waiting[] = [];
  readonly #others: Waiting[] = [];
  #failure: DeployError | undefined;

  /**
   * Starts the threads where they do not run; worth doing before they are needed.
   * @param isSmall one thread is done with the release before another would have started.
   */
  start(isSmall: boolean): void {
    const count = Math.min(isSmall ? 1 : MAX_THREADS, availableParallelism());
    while (this.#threads.length < count) this.#threads.push(this.#startThread());
  }

  /** Begins a release: announces it to all threads, before the tasks that follow. @param isSmall as for `start`. */
  setUp(setup: AssembleSetup, isSmall: boolean): void {
    this.start(isSmall);
    for (const { worker } of this.#threads) worker.postMessage(setup);
  }

  /**
   * @param task made when its turn comes, so that the first ones are on their way before the last ones are made.
   * @throws DeployError what the task failed with; cancelled after `stop`; internal when a thread died.
   */
  async run<K extends keyof AssembleAnswers>(
    kind: K,
    task: () => AssembleTask & { kind: K },
  ): Promise<AssembleAnswers[K]> {
    const reply = await new Promise<AssembleReply>((resolve, reject) => {
      (kind === 'write' ? this.#urgent : this.#others).push({ task, resolve, reject });
      this.#dispatch();
    });
    if ('error' in reply) throw fromSentError(reply.error);
    return reply.answer as AssembleAnswers[K];
  }

  /** Ends the threads at once and rejects their tasks. Resolves when no thread writes any more. */
  async stop(): Promise<void> {
    const threads = this.#threads.splice(0);
    this.#failure = undefined;
    this.#rejectAll(threads, stopped());
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  #startThread(): Thread {
    const worker = new Worker(new URL('./assemble-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
    });
    const thread: Thread = { worker, sent: [] };
    worker.on('message', (reply: AssembleReply) => {
      thread.sent.shift()?.resolve(reply);
      this.#dispatch();
    });
    const died = (reason: string, cause?: unknown) => {
      if (this.#threads.includes(thread)) this.#died(reason, cause);
    };
    worker.on('error', (error) => died(describeError(error), error));
    worker.on('exit', (code) => died(`exit status ${code}`));
    return thread;
  }

  #dispatch(): void {
    if (this.#failure !== undefined || this.#threads.length === 0) {
      this.#rejectAll(this.#threads, this.#failure ?? stopped());
      return;
    }
    for (let ahead = 0; ahead < TASKS_AHEAD; ahead++) {
      for (const thread of this.#threads) {
        if (thread.sent.length > ahead) continue;
        const next = this.#urgent.shift() ?? this.#others.shift();
        if (next === undefined) return;
        this.#send(thread, next);
      }
    }
  }

  #send(thread: Thread, next: Waiting): void {
    try {
      const task = next.task();
      thread.worker.postMessage(task, task.kind === 'write' ? [task.buffer] : []);
      thread.sent.push(next);
    } catch (error) {
      next.reject(toDeployError(error));
    }
  }

  #died(reason: string, cause?: unknown): void {
    this.#failure ??= new DeployError('internal', `a building thread died: ${reason}`, { cause });
    this.#rejectAll(this.#threads, this.#failure);
  }

  #rejectAll(threads: readonly Thread[], error: DeployError): void {
    for (const { sent } of threads) for (const { reject } of sent.splice(0)) reject(error);
    for (const queue of [this.#urgent, this.#others]) {
      for (const { reject } of queue.splice(0)) reject(error);
    }
  }
}

function stopped(): DeployError {
  return new DeployError('cancelled', 'building the release was stopped');
}
