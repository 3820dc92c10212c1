import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { BATCH_BYTES, type BatchSource, fetchAll } from '../fetch/fetch-batches.js';
import {
  type AssemblyPlan,
  type ContentPlan,
  type CopyPlan,
  FetchList,
  type PackPlaces,
  piecesOf,
} from '../plan/content-plan.js';
import type { DiskRelease } from '../plan/disk-release.js';
import { fetchBatches } from '../plan/pack-ranges.js';
import type { ReleaseTree, TreeNode } from '../plan/release-tree.js';
import { assembleJob, closeTask, copyTask, fileJob, inTasks, mainPath, writeJobs } from './assemble-jobs.js';
import type { AssembleSetup } from './assemble-task.js';
import type { AssembleThreads } from './assemble-threads.js';
import { closingOrder, emptyDirectories } from './directory-order.js';

export interface AssembleRequest {
  readonly tree: ReleaseTree;
  readonly plan: ContentPlan;
  readonly places: PackPlaces;
  /** In the numbering of the plan; `setup.roots` begins with their directories. */
  readonly releases: readonly DiskRelease[];
  readonly setup: AssembleSetup;
  readonly source: BatchSource;
  readonly threads: AssembleThreads;
  /**
   * Asked before chunks are fetched that were hoped to be on disk, with the bytes of them all; may throw to give up.
   */
  readonly beforeLateFetch: (bytes: number) => void;
  /** Called when all content on the disk was reused. */
  readonly onLocalDone: () => void;
}

export interface AssembleStats {
  /** When the tree was complete, by the clock of its file system: nanoseconds since 1970. */
  readonly finishedAt: bigint;
  /** Files that were reused whole. */
  readonly reused: number;
  /** Files that had changed or were missing. */
  readonly stale: number;
  /** Fetched bytes of packs. */
  readonly fetched: number;
}

/** The size up to which one thread builds a release: another one takes longer to start than it would save. */
const SMALL_FILES = 200;
const SMALL_BYTES = 4 * 1024 * 1024;

/** Builds the tree of a release in an empty directory: see {@link assembleRelease}. */
class ReleaseBuild {
  readonly #request: AssembleRequest;
  /** Chunks to fetch after the content on the disk was reused. */
  readonly #late: FetchList;
  /** Pieces that were not on the disk, and are fetched for another file anyway. */
  readonly #again: AssemblyPlan[] = [];
  /** Files that are written in parts. */
  readonly #parts = new Set<TreeNode>();
  #stale = 0;

  constructor(request: AssembleRequest) {
    this.#request = request;
    this.#late = new FetchList(request.places);
  }

  async run(): Promise<AssembleStats> {
    const { plan } = this.#request;
    for (const { targets } of plan.fetch.chunks()) {
      for (const { node } of targets) if (node.chunks.length > 1) this.#parts.add(node);
    }
    await allOf([this.#local(), this.#fetch(plan.fetch)]);
    await this.#assembleAgain();
    const finishedAt = await this.#finish();
    const fetched = plan.fetch.bytes + this.#late.bytes;
    return { finishedAt, reused: plan.copies.length - this.#stale, stale: this.#stale, fetched };
  }

  async #local(): Promise<void> {
    const { tree, plan, threads, beforeLateFetch, onLocalDone } = this.#request;
    const nodes = tree.nodes.filter(({ entry, chunks }) => entry.type !== 'file' || chunks.length === 0);
    const empty = [
      ...nodes.map((node) => ({ ...node.entry, path: mainPath(node) })),
      ...emptyDirectories(tree),
    ];
    await allOf([
      ...inTasks(plan.copies, sizeOf).map((copies) => this.#copy(copies)),
      ...inTasks(plan.assemblies, sizeOf).map((assemblies) => this.#assemble(assemblies)),
      ...inTasks(empty, () => 0).map((entries) => threads.run('make', () => ({ kind: 'make', entries }))),
    ]);
    onLocalDone();
    if (this.#late.bytes > 0) beforeLateFetch(this.#late.bytes);
    await this.#fetch(this.#late);
  }

  async #copy(copies: readonly CopyPlan[]): Promise<void> {
    const { threads, releases } = this.#request;
    const stale = await threads.run('copy', () => copyTask(copies, releases));
    this.#stale += stale.length;
    const plans = stale.flatMap((row) => copies[row] ?? []).map(assemblyOf);
    if (plans.length > 0) await this.#assemble(plans);
  }

  async #assemble(plans: readonly AssemblyPlan[]): Promise<void> {
    const missing = await this.#runAssemble(plans);
    for (const [number, plan] of plans.entries()) {
      const numbers = missing[number] ?? [];
      const isWhole = plan.pieces.length === plan.node.chunks.length && numbers.length === 0;
      if (!isWhole && plan.node.chunks.length > 1) this.#parts.add(plan.node);
      for (const at of numbers) this.#miss(plan, at);
    }
  }

  /** Plans a piece that was not on the disk: it comes from another file that fetches it, or is fetched. */
  #miss({ node, pieces }: AssemblyPlan, at: number): void {
    const piece = pieces[at];
    if (piece === undefined) return;
    const { plan, setup } = this.#request;
    const other = plan.fetch.get(piece.chunk.digest)?.targets[0];
    if (other === undefined) {
      this.#late.add(piece.chunk.digest, { node, offset: piece.offset });
      return;
    }
    const source = { root: setup.roots.length - 1, path: mainPath(other.node), offset: other.offset };
    this.#again.push({ node, pieces: [{ ...piece, sources: [source] }] });
  }

  async #assembleAgain(): Promise<void> {
    for (const plans of inTasks(this.#again, sizeOf)) {
      if ((await this.#runAssemble(plans)).flat().length > 0)
        throw new DeployError('internal', 'a chunk that was just written is gone');
    }
  }

  /** @returns for each plan, the numbers of its pieces that were not found. */
  #runAssemble(plans: readonly AssemblyPlan[]): Promise<readonly (readonly number[])[]> {
    const task = () => ({ kind: 'assemble', jobs: plans.map(assembleJob) }) as const;
    return this.#request.threads.run('assemble', task);
  }

  async #fetch(list: FetchList): Promise<void> {
    const { source, threads } = this.#request;
    await fetchAll(fetchBatches(list.chunks(), BATCH_BYTES), source, (batch, buffer) =>
      threads.run('write', () => ({ kind: 'write', buffer, jobs: writeJobs(batch) })),
    );
  }

  async #finish(): Promise<bigint> {
    const { tree, threads } = this.#request;
    const links: { path: ByteName; existing: ByteName }[] = [];
    for (const node of tree.nodes) {
      for (const path of node.paths.slice(1)) links.push({ path, existing: mainPath(node) });
    }
    const files = [...this.#parts].map(fileJob);
    if (files.length + links.length > 0)
      await threads.run('finish', () => ({ kind: 'finish', files, links }));
    return await this.#close(closingOrder(tree.directories.values()));
  }

  /** @returns when the last directory was closed, by the file system's clock. */
  async #close({ atOnce, inOrder }: ReturnType<typeof closingOrder>): Promise<bigint> {
    const { threads } = this.#request;
    const close = (directories: readonly SafeEntry[]) => threads.run('close', () => closeTask(directories));
    await allOf(inTasks(atOnce, () => 0).map(close));
    return await close(inOrder);
  }
}

/**
 * Builds the tree of a release in an empty directory, `setup.into`: takes over what is on disk and fetches the rest, both
 * at once.
 * @throws DeployError corrupt, for a chunk that is not what it should be; connect; no-space; what a thread meets. Nothing
 *   is under way any more then, and what is written is left for another attempt.
 */
export function assembleRelease(request: AssembleRequest): Promise<AssembleStats> {
  request.threads.setUp(request.setup, isSmall(request.tree));
  return new ReleaseBuild(request).run();
}

/** A changed file may still contain some of its chunks. */
function assemblyOf({ node, root, file }: CopyPlan): AssemblyPlan {
  return { node, pieces: piecesOf(node, ({ offset }) => [{ root, path: file.path, offset }]) };
}

function sizeOf({ node }: { readonly node: TreeNode }): number {
  return node.entry.size;
}

/** Waits for all promises before it throws the first error. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function isSmall({ nodes }: ReleaseTree): boolean {
  return nodes.length <= SMALL_FILES && nodes.reduce((sum, node) => sum + node.entry.size, 0) <= SMALL_BYTES;
}
