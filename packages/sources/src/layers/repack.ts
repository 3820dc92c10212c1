import { DeployError } from '@deploy-tools/shared/errors.js';
import { runInThread } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { ImageTask, Repacked, RepackTask } from './repack-task.js';

/** One block of bzip2 may take half of it. */
const MAX_HEAP_MIB = 1024;

/** Makes a tar.gz of an artifact in a thread, as `runInThread` does. */
export async function repack(task: RepackTask, signal: AbortSignal): Promise<Repacked> {
  const [made] = await packInThread(task, signal);
  if (made === undefined) throw new DeployError('internal', 'the packing thread made nothing');
  return made;
}

/** Makes the archives of an image's layers, lowest first, in a thread. */
export function packImage(task: ImageTask, signal: AbortSignal): Promise<readonly Repacked[]> {
  return packInThread(task, signal);
}

function packInThread(task: RepackTask | ImageTask, signal: AbortSignal): Promise<readonly Repacked[]> {
  const thread = {
    module: new URL('./repack-worker.js', import.meta.url),
    task,
    heapMiB: MAX_HEAP_MIB,
    name: 'the packing thread',
    tooLarge: {
      message: `decompressing it takes more than ${MAX_HEAP_MIB} MiB of memory`,
      hint: 'publish it as tar.gz or tar.zst, or in several parts',
    },
  };
  return runInThread(thread, signal);
}
