/**
 * How long a test waits for an event before it says that there was none: many times what the slowest takes on a busy machine, since
 * a test that ends well waits for the event only. Milliseconds; below the timeout of a test (vitest.config.ts).
 */
export const PATIENCE_MS = 240_000;

/** The same for commands that wait by themselves, as a flag's value. */
export const PATIENCE = '4m';
