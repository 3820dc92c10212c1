import { runInThread } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { CopyTask, TreeCounts, TreeTask, UnpackTask } from './tree-task.js';

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
 * Unpacks the layers of a release in a thread: the tree that GNU tar would make of them, by the rules of docs/unpacking.md.
 * A failure leaves the directory as far as it got, without anything of the refused entry, for the caller to remove.
 * @throws DeployError unsafe, too-large, invalid, corrupt: names the layer, the entry and the reason; no-space, denied,
 *   not-found; cancelled; exists, when `into` is not empty.
 */
export function unpackLayers(task: Omit<UnpackTask, 'kind'>, signal: AbortSignal): Promise<TreeCounts> {
  return runTreeTask({ kind: 'unpack', ...task }, signal);
}

/**
 * Copies the content of a directory in a thread: types, contents, modes, times to the microsecond, and owners where that is
 * allowed. Hard links become files of their own; files share their blocks where the file system can. An abort leaves
 * what was copied.
 * @returns how many regular files, and the bytes of their contents.
 * @throws DeployError unsupported for a socket; what the system refuses, with the name of the file; cancelled; internal.
 */
export async function copyTree(
  task: Omit<CopyTask, 'kind'>,
  signal: AbortSignal,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { entries, bytes } = await runTreeTask({ kind: 'copy', ...task }, signal);
  return { files: entries, bytes };
}

/**
 * Removes a tree in a thread, also directories without write permission. An abort leaves the rest, for another removal.
 * @param path absolute; need not exist.
 * @param signal without one the removal always runs to its end.
 * @throws DeployError denied, when files of another user are in the way; cancelled; internal.
 */
export async function removeTree(
  path: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  await runTreeTask({ kind: 'remove', path }, signal);
}
