import { serveThread } from '@deploy-tools/shared/thread/serve-thread.js';
import { copyTreeSync } from './copy-tree-sync.js';
import { removeTreeSync } from './remove-tree-sync.js';
import type { TreeCounts, TreeTask } from './tree-task.js';
import { unpackInto } from './unpack-into.js';

/** The body of the thread that run-tree-task.ts starts. */
await serveThread((task: TreeTask): TreeCounts | Promise<TreeCounts> => {
  if (task.kind === 'unpack') return unpackInto(task);
  return task.kind === 'copy' ? copyTreeSync(task) : removeTreeSync(task.path);
});
