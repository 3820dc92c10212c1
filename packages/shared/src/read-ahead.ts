import { pipeline, type Readable, type Transform } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { DeployError } from './errors.js';

/** Output of one step of a decompressor, which takes a pool thread about 1 ms. */
export const DECOMPRESSED_STEP_BYTES = 256 * 1024;
/** How far a decompressor may run ahead of the consumer. */
const READ_AHEAD_BYTES = 1024 * 1024;
/** The consumer's part: a fraction of a millisecond of work, then the thread serves its event loop. */
const SLICE_BYTES = 64 * 1024;

/**
 * Decompresses a source on the thread pool, ahead of a consumer that works synchronously. Between slices the event loop turns, so
 * that the decompressor can start its next step: both are then busy at once. (Iteration over the stream itself would run one step
 * ahead at most, and wait for the slower of the two at every step.)
 */
export async function* decompressAhead(
  source: AsyncIterable<Uint8Array>,
  decompressor: Transform,
): AsyncGenerator<Uint8Array, void, void> {
  // An error of the source reaches the loop below: the pipeline destroys the decompressor with it.
  pipeline(source, decompressor, () => {});
  const ahead = collect(decompressor);
  try {
    for (;;) {
      const chunk = ahead.take();
      if (chunk === undefined) {
        if (!(await ahead.more())) return;
        continue;
      }
      for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
        yield chunk.subarray(at, at + SLICE_BYTES);
        await setImmediate();
      }
    }
  } finally {
    decompressor.destroy();
  }
}

interface Collected {
  /** The next chunk, or undefined when there is none at the moment. */
  take(): Uint8Array | undefined;
  /** Waits for a chunk; false at the end of the stream. Rejects with the stream's error. */
  more(): Promise<boolean>;
}

function collect(stream: Readable): Collected {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let state: { readonly error: unknown } | 'open' | 'ended' = 'open';
  let wake = (): void => {};
  stream.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= READ_AHEAD_BYTES) stream.pause();
    wake();
  });
  stream.once('end', () => {
    state = 'ended';
    wake();
  });
  stream.once('error', (error) => {
    state = { error };
    wake();
  });
  stream.once('close', () => {
    if (state === 'open') state = { error: new DeployError('cancelled', 'reading the archive was stopped') };
    wake();
  });
  return {
    take: () => {
      const chunk = chunks.shift();
      if (chunk === undefined) return undefined;
      bytes -= chunk.length;
      if (stream.isPaused() && bytes < READ_AHEAD_BYTES) stream.resume();
      return chunk;
    },
    more: async () => {
      if (state === 'open' && chunks.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (chunks.length > 0) return true;
      if (typeof state === 'object') throw state.error;
      return state !== 'ended';
    },
  };
}
