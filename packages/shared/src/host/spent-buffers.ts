import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of spent buffers after which they are collected. About as many bytes may remain from the previous collection. */
const COLLECT_EVERY = 2 * 1024 * 1024;

type Collect = (options: { readonly type: 'minor' }) => void;

/**
 * Collects the spent buffers of a thread. V8 collects when its own heap has grown, where a buffer counts as a hundred bytes,
 * whatever its size. A thread with much data and few objects would let tens of megabytes pile up, which the C library hardly
 * returns to the system. A collection of the young generation takes about 0.1 ms, less than the kernel needs for as much fresh
 * memory. One instance per thread.
 */
export class SpentBuffers {
  readonly #collect = collector();
  #bytes = 0;

  /** Counts bytes of buffers that are spent, or soon will be. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY) return;
    this.#bytes = 0;
    this.#collect({ type: 'minor' });
  }
}

/** V8's function for a collection, which Node.js does not export; a function without effect if there is none. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('globalThis.gc');
  return isCollect(gc) ? gc : () => {};
}

function isCollect(gc: unknown): gc is Collect {
  return typeof gc === 'function';
}
