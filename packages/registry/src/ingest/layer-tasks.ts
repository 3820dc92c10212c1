import { rm } from 'node:fs/promises';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { fromSentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { Ingested, IngestTask, LayerFiles, VerifiedLayer } from './layer-port.js';
import { type LayerOutcome, type LayerTaskKinds, type LayerTaskOf, runLayerTask } from './layer-task.js';
import { runInProcess } from './run-in-process.js';
import { spoolPath } from './spool.js';

/** Bounds of memory, in MiB of objects. */
export interface LayerMemory {
  /** Of a thread in the registry's process, which may have two threads. */
  readonly thread: number;
  /** Of a separate process; one runs at a time. */
  readonly process: number;
}

/** A layer of 150,000 entries is read in a thread, one of a million in a process. */
const MEMORY: LayerMemory = { thread: 80, process: 1024 };

/**
 * Makes and verifies layers, each in a thread of its own with bounded memory. A task that needs more memory runs again in a
 * separate process, one at a time, and is refused when that is not enough. So no archive exhausts the registry's memory.
 */
export class LayerTasks {
  readonly #memory: LayerMemory;
  /** Settles when no process runs. */
  #processes: Promise<unknown> = Promise.resolve();

  constructor(memory: LayerMemory = MEMORY) {
    this.#memory = memory;
  }

  /**
   * Makes manifest and pack of a stored archive, in the stages of ingest-archive.ts. The content of the files is durable; the
   * caller renames them. After a failure or an abort they do not exist.
   * @throws DeployError invalid, corrupt, unsafe, too-large: the archive's fault; unsupported: the archive was read to its end
   *   and is safe, but no manifest can describe it; cancelled, no-space, not-found, denied, internal.
   */
  async ingest(task: IngestTask, signal: AbortSignal): Promise<Ingested> {
    try {
      return await this.#run({ kind: 'ingest', given: task }, signal);
    } catch (error) {
      const { manifest, pack } = task.into;
      for (const path of [manifest, pack, spoolPath(pack)]) await rm(path, { force: true });
      throw error;
    }
  }

  /**
   * Verifies every digest, length, place and total of a manifest and its pack. Does not read the archive: compare the result.
   * @throws DeployError corrupt; unsupported: another version of the format; not-found, denied, cancelled.
   */
  verify(files: LayerFiles, signal: AbortSignal): Promise<VerifiedLayer> {
    return this.#run({ kind: 'verify', given: files }, signal);
  }

  /** @throws DeployError the task's failure; cancelled; too-large for the memory; internal when the thread died. */
  async #run<Kind extends keyof LayerTaskKinds>(
    task: LayerTaskOf<Kind>,
    signal: AbortSignal,
  ): Promise<LayerTaskKinds[Kind]['answer']> {
    if (signal.aborted) throw cancelled();
    const first = await runLayerTask(task, this.#memory.thread, signal);
    const outcome =
      first.kind === 'out-of-memory' && !signal.aborted ? await this.#runInProcess(task, signal) : first;
    if (signal.aborted) throw cancelled();
    if (outcome.kind === 'done') return outcome.answer;
    throw outcome.kind === 'failed' ? fromSentError(outcome.error) : this.#tooLarge();
  }

  async #runInProcess<Kind extends keyof LayerTaskKinds>(
    task: LayerTaskOf<Kind>,
    signal: AbortSignal,
  ): Promise<LayerOutcome<Kind>> {
    const run = this.#processes.then((): LayerOutcome<Kind> | Promise<LayerOutcome<Kind>> =>
      signal.aborted ? { kind: 'out-of-memory' } : runInProcess(task, this.#memory.process, signal),
    );
    this.#processes = run.catch(() => undefined);
    return run;
  }

  #tooLarge(): DeployError {
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
