import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { memoryUsage } from 'node:process';
import type { LayerOutcome, LayerTaskKinds } from './layer-task.js';
import type { ProcessTask } from './run-in-process.js';
import { runLayerTask } from './run-layer-task.js';

/** The niceness of the process: its task takes long, and other processes serve clients. */
const NICE = 10;
/** The kernel's highest: when memory is short, this process goes before any other. */
const OOM_SCORE = '1000';
const WATCH_EVERY_MS = 50;

/** The body of the process that run-in-process.ts starts: one task, one reply. It ends when the registry does. */
async function main({ task, heapMiB, maxBytes }: ProcessTask): Promise<void> {
  const stop = new AbortController();
  const watch = setInterval(() => {
    if (memoryUsage.rss() > maxBytes) stop.abort();
  }, WATCH_EVERY_MS);
  const outcome = await runLayerTask(task, heapMiB, stop.signal);
  clearInterval(watch);
  reply(stop.signal.aborted ? { kind: 'out-of-memory' } : outcome);
}

function reply(outcome: LayerOutcome<keyof LayerTaskKinds>): void {
  process.send?.(outcome, undefined, undefined, () => process.exit());
}

/** Lowers the priority. Neither step is needed, and a service may be forbidden to take it. */
function yieldToOthers(): void {
  for (const step of [() => writeFileSync('/proc/self/oom_score_adj', OOM_SCORE), () => setPriority(NICE)]) {
    try {
      step();
    } catch {
      // As it was.
    }
  }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1'] as const)
  process.on(signal, () => undefined);
process.once('disconnect', () => process.exit());
process.once('message', (given: ProcessTask) => void main(given));
yieldToOthers();
