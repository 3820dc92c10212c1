// Loaded into a registry with --import: writes down each time that its event loop did not turn for a while, as lines of
// `TIME DELAY WAITED` to LOOP_TURNS_FILE: milliseconds since 1970; milliseconds; how many of those it waited for a core.
import { appendFileSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { wallClock } from '../lib/run.mjs';

const PERIOD_MS = 4;
const SHORTEST_MS = 5;

if (isMainThread) watch(process.env.LOOP_TURNS_FILE);

function watch(file) {
  let last = { at: performance.now(), waited: waitedMs() };
  setInterval(() => {
    const now = { at: performance.now(), waited: waitedMs() };
    const delay = now.at - last.at - PERIOD_MS;
    const waited = now.waited - last.waited;
    last = now;
    if (delay >= SHORTEST_MS)
      appendFileSync(file, `${wallClock().toFixed(0)} ${delay.toFixed(1)} ${waited.toFixed(1)}\n`);
  }, PERIOD_MS).unref();
}

/** For how long this thread could have run and had no core, since its start: see sched-stats in the kernel's docs. */
function waitedMs() {
  const [, nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e6;
}
