import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AssemblyPlan, CopyPlan } from '../plan/content-plan.js';
import { type DiskRelease, STAMP_NUMBERS, stampAt } from '../plan/disk-release.js';
import type { FetchBatch } from '../plan/pack-ranges.js';
import type { TreeNode } from '../plan/release-tree.js';
import { attributesOf } from '../unpack/attributes.js';
import type { AssembleJob, AssembleTask, FileJob, WriteJob } from './assemble-task.js';
import { attributeColumns } from './attribute-columns.js';

/** Bounds of a task: some 10 ms of work, so that the threads end at the same time. */
const TASK_FILES = 128;
const TASK_BYTES = 4 * 1024 * 1024;

/** The path under which a node is made; its other paths become hard links. */
export function mainPath(node: TreeNode): string {
  const [path] = node.paths;
  if (path === undefined) throw new DeployError('internal', 'a file without a name');
  return path;
}

export function fileJob(node: TreeNode): FileJob {
  return { path: mainPath(node), ...attributesOf(node.entry) };
}

/** Cuts a list into tasks of about the same amount of work. */
export function inTasks<T>(list: readonly T[], bytesOf: (item: T) => number): T[][] {
  const tasks: T[][] = [];
  let task: T[] = [];
  let bytes = 0;
  for (const item of list) {
    task.push(item);
    bytes += bytesOf(item);
    if (task.length < TASK_FILES && bytes < TASK_BYTES) continue;
    tasks.push(task);
    task = [];
    bytes = 0;
  }
  if (task.length > 0) tasks.push(task);
  return tasks;
}

export function copyTask(
  copies: readonly CopyPlan[],
  releases: readonly DiskRelease[],
): AssembleTask & { kind: 'copy' } {
  const jobs = {
    paths: copies.map(({ node }) => mainPath(node)),
    roots: new Uint32Array(copies.length),
    from: copies.map(({ node, file }) => (file.path === mainPath(node) ? '' : file.path)),
    stamps: new BigInt64Array(copies.length * STAMP_NUMBERS),
    attributes: attributeColumns(copies, ({ node }) => node.entry),
  };
  for (const [row, { root, file }] of copies.entries()) {
    const stamps = releases[root]?.stamps;
    if (stamps !== undefined) jobs.stamps.set(stampAt(stamps, file.stamp), row * STAMP_NUMBERS);
    jobs.roots[row] = root;
  }
  return { kind: 'copy', jobs };
}

export function closeTask(directories: readonly SafeEntry[]): AssembleTask & { kind: 'close' } {
  const attributes = attributeColumns(directories, (entry) => entry);
  return { kind: 'close', jobs: { paths: directories.map(({ path }) => path), attributes } };
}

export function assembleJob({ node, pieces }: AssemblyPlan): AssembleJob {
  return {
    ...fileJob(node),
    whole: pieces.length === node.chunks.length,
    pieces: pieces.map(({ chunk, offset, sources }) => ({
      offset,
      length: chunk.length,
      digest: chunk.digest,
      sources,
    })),
  };
}

export function writeJobs(batch: FetchBatch): WriteJob[] {
  return batch.chunks.map(({ plan, at }) => ({
    digest: plan.digest,
    at,
    packedLength: plan.place.packedLength,
    length: plan.place.length,
    targets: plan.targets.map(({ node, offset }) =>
      node.chunks.length === 1 ? { whole: fileJob(node) } : { path: mainPath(node), offset },
    ),
  }));
}
