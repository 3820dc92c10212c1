import { DeployError } from '@deploy-tools/shared/errors.js';
import { fromSentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { LayerOutcome, LayerTaskOf, LayerTasks } from './layer-task.js';
import { runInProcess } from './run-in-process.js';
import { runLayerTask } from './run-layer-task.js';

/** In MiB of objects. */
export interface LayerMemory {
  /** Of a thread of the registry's process: it may have two of them. */
  readonly thread: number;
  /** Of a process of its own, of which there is one at a time. */
  readonly process: number;
}

/** A layer of 150,000 entries is read in a thread, one of a million in a process. */
const MEMORY: LayerMemory = { thread: 80, process: 1024 };

/**
 * Runs what reads layers. The registry's own process never takes more than a thread may have, whatever an archive has
 * in it: what needs more is begun anew in a process, one after the other, and refused when that is not enough.
 */
export class LayerTaskRunner {
  readonly #memory: LayerMemory;
  /** Settles when no process runs. */
  #processes: Promise<unknown> = Promise.resolve();

  constructor(memory: LayerMemory = MEMORY) {
    this.#memory = memory;
  }

  /** @throws DeployError what the task failed with; cancelled; too-large, for its memory; internal, when it died. */
  async run<Kind extends keyof LayerTasks>(
    kind: Kind,
    given: LayerTasks[Kind]['given'],
    signal: AbortSignal,
  ): Promise<LayerTasks[Kind]['answer']> {
    const task: LayerTaskOf<Kind> = { kind, given };
    if (signal.aborted) throw cancelled();
    const first = await runLayerTask(task, this.#memory.thread, signal);
    const outcome =
      first.kind === 'out-of-memory' && !signal.aborted ? await this.#inProcess(task, signal) : first;
    if (signal.aborted) throw cancelled();
    if (outcome.kind === 'done') return outcome.answer;
    throw outcome.kind === 'failed' ? fromSentError(outcome.error) : this.#tooMuch();
  }

  async #inProcess<Kind extends keyof LayerTasks>(
    task: LayerTaskOf<Kind>,
    signal: AbortSignal,
  ): Promise<LayerOutcome<Kind>> {
    const run = this.#processes.then((): LayerOutcome<Kind> | Promise<LayerOutcome<Kind>> =>
      signal.aborted ? { kind: 'out-of-memory' } : runInProcess(task, this.#memory.process, signal),
    );
    this.#processes = run.catch(() => undefined);
    return run;
  }

  #tooMuch(): DeployError {
    return new DeployError(
      'too-large',
      `it has so many entries or so much content that reading it takes more than ${this.#memory.process} MiB of memory`,
      { hint: 'make several smaller archives of it' },
    );
  }
}

function cancelled(): DeployError {
  return new DeployError('cancelled', 'stopped before it was done');
}
