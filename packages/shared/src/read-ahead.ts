import { PassThrough, pipeline, type Transform } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

/** Output of one step of a decompressor, which takes a pool thread about 1 ms. */
export const DECOMPRESSED_STEP_BYTES = 256 * 1024;
/** Steps that a decompressor may be ahead of the consumer: as many lie on each side of the buffer. */
const STEPS_AHEAD = 2;
/** The consumer's part: a fraction of a millisecond of work, then the thread serves its event loop. */
const SLICE_BYTES = 64 * 1024;

/**
 * Decompresses a source on the thread pool, ahead of a consumer that works synchronously. Between slices the event loop turns, so
 * that the decompressor can start its next step: both are then busy at once. (Iteration over the decompressor itself would run one
 * step ahead at most, and wait for the slower of the two at every step.)
 */
export async function* decompressAhead(
  source: AsyncIterable<Uint8Array>,
  decompressor: Transform,
): AsyncGenerator<Uint8Array, void, void> {
  // In object mode a read returns one step; in bytes it would join all of them.
  const ahead: AsyncIterable<Uint8Array> & PassThrough = new PassThrough({
    objectMode: true,
    highWaterMark: STEPS_AHEAD,
  });
  // Any error reaches the loop below: the pipeline destroys the buffer with it.
  pipeline(source, decompressor, ahead, () => {});
  for await (const step of ahead) {
    for (let at = 0; at < step.length; at += SLICE_BYTES) {
      yield step.subarray(at, at + SLICE_BYTES);
      await setImmediate();
    }
  }
}
