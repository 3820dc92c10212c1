import { Worker } from 'node:worker_threads';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import { fromSentError, type SentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { SpooledChunk } from './layer-entry.js';

/** The input of the compressing thread. */
export interface CompressorStart {
  /** The spool, open. */
  readonly fd: number;
  /** The place of the next frame in the spool. */
  readonly position: number;
}

/** Adjacent chunks to compress. The memory is transferred to the thread, and returned with the answer. */
export interface CompressBatch {
  readonly memory: ArrayBuffer;
  readonly lengths: readonly number[];
}

/** One answer for each batch, in order. */
export type CompressReply =
  | {
      readonly kind: 'done';
      readonly memory: ArrayBuffer;
      /** The place of the first frame in the spool; the others follow. All are written. */
      readonly offset: number;
      readonly packedLengths: readonly number[];
    }
  | { readonly kind: 'failed'; readonly error: SentError };

/** A compromise between few messages and little memory. */
const BATCH_BYTES = 512 * 1024;
/** Enough batches that neither thread waits for messages. */
const MAX_BATCHES = 4;
const YOUNG_HEAP_MIB = 2;

/** A thread that compresses into the spool while the calling thread reads and hashes. */
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

  /** Copies the bytes of a chunk. The chunk's place and packed length are set after `finish`. */
  put(chunk: SpooledChunk, bytes: Uint8Array): void {
    if (this.#filled + bytes.length > BATCH_BYTES) this.#send();
    new Uint8Array(this.#memory).set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#chunks.push(chunk);
    // The next chunk may have the greatest length.
    if (this.#filled + MAX_CHUNK > BATCH_BYTES) this.#send();
  }

  /** The promise to await while the queue is full; undefined when there is room. @throws DeployError no-space, internal. */
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

  /** Resolves when writing has ended. */
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
