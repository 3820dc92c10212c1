import { parentPort, workerData } from 'node:worker_threads';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { repackInto } from './repack-into.js';
import type { RepackReply, RepackTask } from './repack-task.js';

/** The body of the thread that repack.ts starts: one task, one reply. */
async function main(task: RepackTask): Promise<RepackReply> {
  try {
    return { kind: 'done', made: await repackInto(task) };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    return { kind: 'failed', error: { kind, message, hint } };
  }
}

parentPort?.postMessage(await main(workerData));
