import { parentPort, workerData } from 'node:worker_threads';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { removeTreeSync } from './remove-tree-sync.js';
import type { TreeReply, TreeTask } from './tree-task.js';
import { unpackInto } from './unpack-into.js';

/** The body of the thread that run-tree-task.ts starts: one task, one reply. */
async function main(task: TreeTask): Promise<TreeReply> {
  try {
    const counts = task.kind === 'unpack' ? await unpackInto(task) : removeTreeSync(task.path);
    return { kind: 'done', ...counts };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    return { kind: 'failed', error: { kind, message, hint } };
  }
}

parentPort?.postMessage(await main(workerData));
