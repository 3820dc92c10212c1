import { parentPort, workerData } from 'node:worker_threads';
import { plainError } from '@deploy-tools/shared/plain-error.js';
import type { MirrorReply, MirrorTask } from './mirror-task.js';
import { mirrorTree } from './mirror-tree.js';

/** The body of the thread that run-mirror.ts starts: one task, lines, one answer. */
function main(task: MirrorTask): MirrorReply {
  try {
    return { kind: 'done', counts: mirrorTree(task, (line) => say({ kind: 'line', line })) };
  } catch (error) {
    return { kind: 'failed', error: plainError(error) };
  }
}

function say(reply: MirrorReply): void {
  parentPort?.postMessage(reply);
}

say(main(workerData));
