import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { memoryUsage } from 'node:process';
import { type LayerOutcome, type LayerTaskKinds, runLayerTask } from './layer-task.js';
import type { ProcessTask } from './run-in-process.js';

/** The niceness of the process: its task takes long, and other processes serve clients. */
const NICE = 10;
/** The highest value: when memory is short, the kernel kills this process before any other. */
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

/** Lowers the priority of the process. Both steps are optional: a service may not be allowed to take them. */
function yieldToOthers(): void {
  for (const step of [() => writeFileSync('/proc/self/oom_score_adj', OOM_SCORE), () => setPriority(NICE)]) {
    try {
      step();
    } catch {
      // The priority stays.
    }
  }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1'] as const)
  process.on(signal, () => undefined);
process.once('disconnect', () => process.exit());
process.once('message', (given: ProcessTask) => void main(given));
yieldToOthers();
