import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { DeployError } from './errors.js';

/** What a consumer gets at once: a fraction of a millisecond of work, then the thread serves its event loop. */
const SLICE_BYTES = 64 * 1024;

/**
 * Gives what a stream of bytes produces while letting it run ahead of a consumer that works synchronously. Between
 * slices the event loop turns, which is when a stream that works on the thread pool can start its next step: both are
 * then busy at once. (Iterating over the stream itself runs one step ahead at most, and waits for the slower of
 * the two at every step.)
 * @param maxBytes the stream is paused when it is this far ahead.
 */
export async function* readAhead(stream: Readable, maxBytes: number): AsyncGenerator<Uint8Array, void, void> {
  const ahead = collect(stream, maxBytes);
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
    stream.destroy();
  }
}

interface Collected {
  /** The next chunk, or undefined when there is none at the moment. */
  take(): Uint8Array | undefined;
  /** Waits for a chunk; false at the end of the stream. Rejects with the stream's error. */
  more(): Promise<boolean>;
}

function collect(stream: Readable, maxBytes: number): Collected {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let state: { readonly error: unknown } | 'open' | 'ended' = 'open';
  let wake = (): void => {};
  stream.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxBytes) stream.pause();
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
      if (stream.isPaused() && bytes < maxBytes) stream.resume();
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
