import type { FetchBatch } from '../plan/pack-ranges.js';

/** The size of a batch, and of each buffer. */
export const BATCH_BYTES = 1024 * 1024;
/** Buffers that are filled or written at once. */
const BUFFERS = 6;

export interface BatchSource {
  /** Fills `target` from a layer's pack. */
  readInto(layer: number, target: Uint8Array, offset: number): Promise<void>;
}

/**
 * Fetches batches, as many at once as there are buffers, and hands each over when it is complete.
 * @param deliver gets the buffer and gives it back, or another one, when it is written.
 * @throws the first failure, once nothing is under way any more.
 */
export async function fetchAll(
  batches: Iterable<FetchBatch>,
  source: BatchSource,
  deliver: (batch: FetchBatch, buffer: ArrayBuffer) => Promise<ArrayBuffer>,
): Promise<void> {
  const queue = batches[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    let buffer: ArrayBuffer | undefined;
    for (let next = queue.next(); next.done !== true && failure === undefined; next = queue.next()) {
      const batch = next.value;
      buffer ??= new ArrayBuffer(BATCH_BYTES);
      try {
        await fill(batch, buffer, source);
        buffer = await deliver(batch, buffer);
        collectPackets();
      } catch (error) {
        failure ??= { error };
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: BUFFERS }, work));
  if (failure !== undefined) throw failure.error;
}

async function fill(batch: FetchBatch, buffer: ArrayBuffer, source: BatchSource): Promise<void> {
  const reads = batch.ranges.map(({ layer, offset, length, at }) =>
    source.readInto(layer, new Uint8Array(buffer, at, length), offset),
  );
  // All of them, also when one fails: nothing may write into the buffer afterwards.
  const results = await Promise.allSettled(reads);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/**
 * Has V8 collect what is left of the packets that chunks came in: it lies outside of V8's own heap, whose size alone tells
 * V8 when to collect, and would grow to tens of megabytes. To be called after each megabyte or so; takes half a
 * millisecond. Does nothing where the program was started without `--expose-gc`.
 */
function collectPackets(): void {
  globalThis.gc?.(true);
}
