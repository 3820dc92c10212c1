import { runInThread } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { TreeCounts, TreeTask } from './tree-task.js';

/** With a small young generation the peak of memory is 25 MB lower. */
const YOUNG_HEAP_MIB = 4;

/** A release of a million entries stays below. */
const MAX_HEAP_MIB = 1024;

/**
 * Unpacks, copies or removes a tree in a thread, as `runInThread` does.
 * @param heapMiB bounds the objects of the thread.
 */
export function runTreeTask(
  task: TreeTask,
  signal: AbortSignal,
  heapMiB = MAX_HEAP_MIB,
): Promise<TreeCounts> {
  const thread = {
    module: new URL('./tree-worker.js', import.meta.url),
    task,
    heapMiB,
    youngHeapMiB: YOUNG_HEAP_MIB,
    name: 'the thread that works on the tree',
    tooLarge: {
      message: `the release has so many entries that unpacking it takes more than ${heapMiB} MiB of memory`,
      hint: 'make it of fewer files',
    },
  };
  return runInThread(thread, signal);
}
