import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { afterAll, expect } from 'vitest';
import { PROJECT_ROOT } from './program.js';

/** Ticks of a second in /proc. */
const TICKS = 100;

/** Seconds of processor time of this process, and of its children that have ended and were waited for. */
function processorTime(): { readonly own: number; readonly children: number } {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const [, , , , , , , , , , , user, system, childUser, childSystem] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return {
    own: ((user ?? 0) + (system ?? 0)) / TICKS,
    children: ((childUser ?? 0) + (childSystem ?? 0)) / TICKS,
  };
}

// With PROCESSOR_TIME=FILE each test file adds a line there: seconds of its own, of its children, how many it started, its path.
const log = process.env.PROCESSOR_TIME;
if (log !== undefined) {
  const before = processorTime();
  let started = 0;
  const count = () => {
    started += 1;
  };
  subscribe('child_process', count);
  afterAll(() => {
    unsubscribe('child_process', count);
    const after = processorTime();
    const [own, children] = [after.own - before.own, after.children - before.children];
    const file = relative(PROJECT_ROOT, expect.getState().testPath ?? '');
    appendFileSync(log, `${own.toFixed(2)}\t${children.toFixed(2)}\t${started}\t${file}\n`);
  });
}
