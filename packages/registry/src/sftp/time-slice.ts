import { setImmediate } from 'node:timers/promises';

/** What one session may do before everybody else has a turn. */
const SLICE_MS = 5;

/**
 * Sees to it that one session's requests do not keep the event loop for themselves: most are answered without waiting for anything,
 * and thousands fit into one read from the socket.
 */
export class TimeSlice {
  #began = 0;

  /** To be waited for before each request. */
  async take(): Promise<void> {
    const now = performance.now();
    if (now - this.#began < SLICE_MS) return;
    await setImmediate();
    this.#began = performance.now();
  }
}
