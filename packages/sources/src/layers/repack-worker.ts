import { parentPort, workerData } from 'node:worker_threads';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { imageInto } from './image-into.js';
import { repackInto } from './repack-into.js';
import type { ImageTask, RepackReply, RepackTask } from './repack-task.js';

/** The body of the thread that repack.ts starts: one task, one reply. */
async function main(task: RepackTask | ImageTask): Promise<RepackReply> {
  try {
    const made = task.content === 'image' ? await imageInto(task) : [await repackInto(task)];
    return { kind: 'done', made };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    return { kind: 'failed', error: { kind, message, hint } };
  }
}

parentPort?.postMessage(await main(workerData));
