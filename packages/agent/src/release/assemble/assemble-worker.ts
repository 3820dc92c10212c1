import { parentPort } from 'node:worker_threads';
import { byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { toSentError } from '@deploy-tools/shared/thread/sent-error.js';
import { STAMP_NUMBERS } from '../plan/disk-release.js';
import { namingEntry, writeError } from '../unpack/write-error.js';
import { FileAssembler } from './assemble-file.js';
import { AssemblePlace } from './assemble-place.js';
import type {
  AssembleAnswers,
  AssembleJob,
  AssembleReply,
  AssembleSetup,
  AssembleTask,
  CopyJob,
  CopyJobs,
} from './assemble-task.js';
import { attributesAt } from './attribute-columns.js';
import { takeOver } from './copy-file.js';
import { lookAt, matchesStamp, writeStamp } from './file-stamp.js';
import { closeDirectories, finishTree, makeEntry } from './finish-tree.js';
import { writeChunks } from './write-chunks.js';

/** The body of the threads that assemble-threads.ts starts. They get a setup, then tasks, and answer in order. */
function serve(port: NonNullable<typeof parentPort>): void {
  let place: AssemblePlace | undefined;
  port.on('message', (message: AssembleSetup | AssembleTask) => {
    if (message.kind === 'setup') place = new AssemblePlace(message);
    else port.postMessage(replyTo(message, place), message.kind === 'write' ? [message.buffer] : []);
  });
}

function replyTo(task: AssembleTask, place: AssemblePlace | undefined): AssembleReply {
  try {
    if (task.kind === 'stamp') return { answer: stampsOf(task.root, task.paths) };
    if (place === undefined) throw new DeployError('internal', 'a task before the setup');
    return { answer: perform(place, task) };
  } catch (error) {
    return { error: toSentError(error) };
  }
}

type TreeTask = Exclude<AssembleTask, { kind: 'stamp' }>;

function perform(place: AssemblePlace, task: TreeTask): AssembleAnswers[TreeTask['kind']] {
  switch (task.kind) {
    case 'make':
      for (const entry of task.entries) makeEntry(place, entry);
      return undefined;
    case 'copy':
      return copyAll(place, task.jobs);
    case 'assemble':
      return assembleAll(place, task.jobs);
    case 'write':
      writeChunks(place, new Uint8Array(task.buffer), task.jobs);
      return task.buffer;
    case 'finish':
      finishTree(place, task);
      return undefined;
    case 'close':
      return closeDirectories(place, task.jobs);
  }
}

function copyAll(place: AssemblePlace, jobs: CopyJobs): number[] {
  const stale: number[] = [];
  for (let row = 0; row < jobs.paths.length; row++) {
    const job = copyJob(jobs, row);
    try {
      if (!takeOver(place, job, (stats) => matchesStamp(stats, jobs.stamps, row))) stale.push(row);
    } catch (error) {
      throw writeError(job.path, error);
    }
  }
  return stale;
}

function copyJob(jobs: CopyJobs, row: number): CopyJob {
  const path = jobs.paths[row] ?? '';
  const from = jobs.from[row] || path;
  return { path, root: jobs.roots[row] ?? 0, from, ...attributesAt(jobs.attributes, row) };
}

function assembleAll(place: AssemblePlace, jobs: readonly AssembleJob[]): number[][] {
  const assembler = new FileAssembler(place);
  try {
    return jobs.map((job) => namingEntry(job.path, () => assembler.assemble(job)));
  } finally {
    assembler.close();
  }
}

function stampsOf(root: string, paths: readonly string[]): BigInt64Array {
  const stamps = new BigInt64Array(paths.length * STAMP_NUMBERS);
  const base = byteName(root);
  for (const [row, path] of paths.entries()) {
    const stats = lookAt(fsPath(`${base}/${path}`));
    if (stats?.isFile() === true) writeStamp(stats, stamps, row);
  }
  return stamps;
}

if (parentPort !== null) serve(parentPort);
