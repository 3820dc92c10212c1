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

/**
 * Copies what is in a directory into another one, in a thread of its own: types, contents, modes, times to the microsecond,
 * and owners where that is allowed. Hard links become files of their own; files share their blocks where the file system
 * can. An abort leaves what was copied.
 * @param from absolute. @param to absolute; an empty directory of ours, which nobody else can write to.
 * @param rootMode permission bits that `to` has in the end.
 * @returns how many regular files, and the bytes of their contents.
 * @throws DeployError unsupported for a socket; what the system refuses, with the name of the file; cancelled; internal.
 */
export async function copyTree(
  { from, to, rootMode }: { readonly from: string; readonly to: string; readonly rootMode: number },
  signal: AbortSignal,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { entries, bytes } = await runTreeTask({ kind: 'copy', from, to, rootMode }, signal);
  return { files: entries, bytes };
}
