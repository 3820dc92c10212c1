import { existsSync, readFileSync } from 'node:fs';

const MODULE = new URL('../processes/loop-turns.mjs', import.meta.url);

/** The environment of a program whose event loop is to be watched; it writes to `file`. */
export const loopWatch = (file) => ({ NODE_OPTIONS: `--import ${MODULE.href}`, LOOP_TURNS_FILE: file });

/**
 * Milliseconds that the event loop stood still at worst, since a time of `wallClock()`: altogether, and by itself, which
 * leaves out what other programs kept it from the processor for.
 */
export function longestTurns(file, since) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const turns = lines.map((line) => line.split(' ').map(Number)).filter(([at]) => at >= since);
  return {
    delay: Math.max(0, ...turns.map(([, delay]) => delay)),
    itself: Math.max(0, ...turns.map(([, delay, waited]) => delay - waited)),
  };
}
