import { parentPort } from 'node:worker_threads';
import { byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { STAMP_NUMBERS } from '../plan/disk-release.js';
import { namingEntry, writeError } from '../unpack/write-error.js';
import { FileAssembler } from './assemble-file.js';
import { AssemblePlace } from './assemble-place.js';
import type {
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
    if (message.kind === 'setup') {
      place = new AssemblePlace(message);
      return;
    }
    const reply = answer(place, message);
    const buffer = 'buffer' in reply ? reply.buffer : undefined;
    port.postMessage(reply, buffer === undefined ? [] : [buffer]);
  });
}

function answer(place: AssemblePlace | undefined, task: AssembleTask): AssembleReply {
  try {
    if (task.kind === 'stamp') return { kind: 'stamped', stamps: stampsOf(task.root, task.paths) };
    if (place === undefined) throw new DeployError('internal', 'a task before the setup');
    return perform(place, task);
  } catch (thrown) {
    const { kind, message, hint } = toDeployError(thrown);
    const error = { kind, message, hint };
    return task.kind === 'write' ? { kind: 'failed', error, buffer: task.buffer } : { kind: 'failed', error };
  }
}

function perform(place: AssemblePlace, task: Exclude<AssembleTask, { kind: 'stamp' }>): AssembleReply {
  switch (task.kind) {
    case 'make':
      for (const entry of task.entries) makeEntry(place, entry);
      return { kind: 'made' };
    case 'copy':
      return { kind: 'copied', stale: copyAll(place, task.jobs) };
    case 'assemble':
      return { kind: 'assembled', missing: assembleAll(place, task.jobs) };
    case 'write':
      writeChunks(place, new Uint8Array(task.buffer), task.jobs);
      return { kind: 'written', buffer: task.buffer };
    case 'finish':
      finishTree(place, task);
      return { kind: 'finished' };
    case 'close':
      return { kind: 'closed', at: closeDirectories(place, task.jobs) };
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
