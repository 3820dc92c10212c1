import { parentPort, workerData } from 'node:worker_threads';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { copyTreeSync } from './copy-tree-sync.js';
import { removeTreeSync } from './remove-tree-sync.js';
import type { TreeCounts, TreeReply, TreeTask } from './tree-task.js';
import { unpackInto } from './unpack-into.js';

/** The body of the thread that run-tree-task.ts starts: one task, one reply. */
async function main(task: TreeTask): Promise<TreeReply> {
  try {
    return { kind: 'done', ...(await carryOut(task)) };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    return { kind: 'failed', error: { kind, message, hint } };
  }
}

async function carryOut(task: TreeTask): Promise<TreeCounts> {
  if (task.kind === 'unpack') return await unpackInto(task);
  return task.kind === 'copy' ? copyTreeSync(task) : removeTreeSync(task.path);
}

parentPort?.postMessage(await main(workerData));
