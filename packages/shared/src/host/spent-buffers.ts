import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How much may wait to be collected, about: as much again may have been in use when the collector last looked. */
const COLLECT_EVERY = 2 * 1024 * 1024;

type Collect = (options: { readonly type: 'minor' }) => void;

/**
 * Sees to it that the buffers a thread is done with are collected. V8 collects when its own heap has grown, where a
 * buffer is a hundred bytes whatever its size: a thread that moves much data and makes few objects would first let tens
 * of megabytes pile up, and the C library hardly gives those back. Collecting the young generation takes about 0.1 ms,
 * less than the kernel needs to hand out as much fresh memory. One for each thread.
 */
export class SpentBuffers {
  readonly #collect = collector();
  #bytes = 0;

  /** Takes the size of buffers that are not needed any more, or soon will not be. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY) return;
    this.#bytes = 0;
    this.#collect({ type: 'minor' });
  }
}

/** V8's own function, which Node.js has no other way to; nothing, should there be none. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('globalThis.gc');
  return isCollect(gc) ? gc : () => {};
}

function isCollect(gc: unknown): gc is Collect {
  return typeof gc === 'function';
}
