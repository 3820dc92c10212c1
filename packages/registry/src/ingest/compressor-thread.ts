import { Worker } from 'node:worker_threads';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import { fromSentError, type SentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { SpooledChunk } from './layer-entry.js';

/** What the compressing thread is started with. */
export interface CompressorStart {
  /** The spool, open. */
  readonly fd: number;
  /** Where it goes on. */
  readonly position: number;
}

/** Chunks to compress, one behind the other. The memory goes to the thread and comes back with the answer. */
export interface CompressBatch {
  readonly memory: ArrayBuffer;
  readonly lengths: readonly number[];
}

/** One answer for each batch, in order. */
export type CompressReply =
  | {
      readonly kind: 'done';
      readonly memory: ArrayBuffer;
      /** Where the first frame begins in the spool; the others follow. All are written. */
      readonly offset: number;
      readonly packedLengths: readonly number[];
    }
  | { readonly kind: 'failed'; readonly error: SentError };

/** Few messages, little memory. */
const BATCH_BYTES = 512 * 1024;
/** Enough that neither thread waits for the other's messages. */
const MAX_BATCHES = 4;
const YOUNG_HEAP_MIB = 2;

/** A second thread that compresses into the spool, while this one reads and hashes. */
export class CompressorThread {
  readonly #worker: Worker;
  readonly #sent: (readonly SpooledChunk[])[] = [];
  readonly #free: ArrayBuffer[] = [];
  #memory = new ArrayBuffer(BATCH_BYTES);
  #filled = 0;
  #chunks: SpooledChunk[] = [];
  #failure: DeployError | undefined;
  #wake = (): void => {};

  constructor(start: CompressorStart) {
    this.#worker = new Worker(new URL('./compress-worker.js', import.meta.url), {
      workerData: start,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
    });
    this.#worker.on('message', (reply: CompressReply) => this.#received(reply));
    this.#worker.on('error', (error) => this.#fail(died(describeError(error))));
    this.#worker.on('exit', () => this.#fail(died('it ended')));
  }

  /** Takes a copy of a chunk's bytes. What it writes into the chunk is there after `finish`. */
  put(chunk: SpooledChunk, bytes: Uint8Array): void {
    if (this.#filled + bytes.length > BATCH_BYTES) this.#send();
    new Uint8Array(this.#memory).set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#chunks.push(chunk);
    // The next chunk may be as long as any.
    if (this.#filled + MAX_CHUNK > BATCH_BYTES) this.#send();
  }

  /** What to wait for when enough is under way; undefined when there is room. @throws DeployError no-space, internal. */
  drained(): Promise<void> | undefined {
    return this.#failure === undefined && this.#sent.length < MAX_BATCHES
      ? undefined
      : this.#until(() => this.#sent.length < MAX_BATCHES);
  }

  /** Resolves when every chunk is in the spool. @throws DeployError no-space, internal. */
  async finish(): Promise<void> {
    if (this.#filled > 0) this.#send();
    await this.#until(() => this.#sent.length === 0);
  }

  /** Resolves when nothing is written any more. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(): void {
    const batch: CompressBatch = { memory: this.#memory, lengths: this.#chunks.map((chunk) => chunk.length) };
    this.#sent.push(this.#chunks);
    this.#worker.postMessage(batch, [batch.memory]);
    this.#memory = this.#free.pop() ?? new ArrayBuffer(BATCH_BYTES);
    this.#filled = 0;
    this.#chunks = [];
  }

  #received(reply: CompressReply): void {
    if (reply.kind === 'failed') {
      this.#fail(fromSentError(reply.error));
      return;
    }
    let { offset } = reply;
    for (const [at, chunk] of (this.#sent.shift() ?? []).entries()) {
      chunk.packedLength = reply.packedLengths[at] ?? 0;
      chunk.offset = offset;
      offset += chunk.packedLength;
    }
    this.#free.push(reply.memory);
    this.#wake();
  }

  #fail(error: DeployError): void {
    this.#failure ??= error;
    this.#wake();
  }

  async #until(done: () => boolean): Promise<void> {
    while (this.#failure === undefined && !done()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function died(why: string): DeployError {
  return new DeployError('internal', `the compressing thread died: ${why}`);
}
