import { threadOutcome } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { LayerOutcome, LayerTaskKinds, LayerTaskOf } from './layer-task.js';

/** With a small young generation the peak of memory is 60 MB lower. */
const YOUNG_HEAP_MIB = 2;

/** Runs a task that reads a layer in a thread. @param heapMiB bounds the objects of the thread. */
export function runLayerTask<Kind extends keyof LayerTaskKinds>(
  task: LayerTaskOf<Kind>,
  heapMiB: number,
  signal: AbortSignal,
): Promise<LayerOutcome<Kind>> {
  const module = new URL('./layer-worker.js', import.meta.url);
  return threadOutcome(
    { module, task, heapMiB, youngHeapMiB: YOUNG_HEAP_MIB, name: 'the thread that reads archives' },
    signal,
  );
}
