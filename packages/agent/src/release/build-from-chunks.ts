import { join } from 'node:path';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import { missingBytes } from './archive-cache.js';
import { type AssembleStats, assembleRelease } from './assemble/assemble-release.js';
import { reuseMethod } from './assemble/reuse-method.js';
import { loadManifests } from './fetch/load-manifests.js';
import { ManifestStore } from './fetch/manifest-store.js';
import { PackFiles } from './fetch/pack-files.js';
import { PackLanes } from './fetch/pack-lanes.js';
import type { Sessions } from './fetch/sessions.js';
import { archivesAreBetter, type ContentPlan, type PackPlaces, planContent } from './plan/content-plan.js';
import type { DiskSources } from './plan/disk-release.js';
import { type LaidRelease, layRelease } from './plan/lay-release.js';
import type { ReleaseLayer } from './plan/layer-manifest.js';
import { loadSources } from './records/load-sources.js';
import { recordable, recordOf } from './records/record-of.js';
import { ReleaseRecords } from './records/release-records.js';
import { freshDirectory, halfBuilt, makeDurable, putInPlace, type Release } from './release-directory.js';
import type { ReleaseStore, WantedRelease } from './release-store.js';
import { removeTree } from './unpack/run-tree-task.js';
import { warnOfStripped } from './unpack-archives.js';

/** From so many bytes on, the flow control of a single session limits the speed. */
const WIDE_FETCH_BYTES = 4 * 1024 * 1024;
const EXTRA_LANES = 2;
/** Bytes of archives below which one thread is enough to build the release. */
const SMALL_ARCHIVES_BYTES = 1024 * 1024;

/** The release to be built, and where each of its contents comes from. */
interface Blueprint {
  readonly layers: readonly ReleaseLayer[];
  readonly tree: LaidRelease;
  readonly places: PackPlaces;
  readonly disk: DiskSources;
  readonly plan: ContentPlan;
}

/** Ends a build in favour of whole archives, which is no failure. */
class ArchivesAreBetter extends Error {}

/**
 * Builds a configuration's release of content on this host and of chunks that are fetched. A fresh directory gets the release's
 * name when it is complete; after a lost connection the next attempt uses the half-built directory.
 * @returns undefined when the registry does not allow it or whole archives are the better way; the log says why.
 * @throws DeployError unsafe, too-large, invalid, as unpacking the archives would; connect, no-space, cancelled.
 */
export async function buildFromChunks(
  store: ReleaseStore,
  sessions: Sessions,
  wanted: WantedRelease,
): Promise<Release | undefined> {
  return await new ReleaseBuild(store, sessions, wanted).run();
}

/** One build: its threads and sessions, from the manifests to the complete directory. */
class ReleaseBuild {
  readonly #store: ReleaseStore;
  readonly #sessions: Sessions;
  readonly #wanted: WantedRelease;
  readonly #packs: PackFiles;
  readonly #lanes: PackLanes;

  constructor(store: ReleaseStore, sessions: Sessions, wanted: WantedRelease) {
    this.#store = store;
    this.#sessions = sessions;
    this.#wanted = wanted;
    this.#packs = new PackFiles(sessions.first);
    this.#lanes = new PackLanes(sessions, this.#packs, store.log);
  }

  async run(): Promise<Release | undefined> {
    const { log, threads, signal } = this.#store;
    const stop = () => void threads.stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      threads.start(this.#isSmall());
      const blueprint = await this.#draw();
      return blueprint === undefined ? undefined : await this.#carryOut(blueprint);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ArchivesAreBetter) log.info('whole archives are fewer bytes');
      else if (isFaultOfRegistry(error))
        log.warn(
          { err: describeError(error) },
          'the release cannot be built of chunks, using whole archives',
        );
      else throw error;
      return undefined;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#packs.close();
      await this.#lanes.close();
    }
  }

  /** Judges by the size of the archives: the size of the release is not known yet. */
  #isSmall(): boolean {
    const { layers } = this.#wanted.config;
    const bytes = layers.reduce((sum, { size }) => sum + (size ?? SMALL_ARCHIVES_BYTES), 0);
    return bytes < SMALL_ARCHIVES_BYTES;
  }

  /** Lays out the release and plans its contents. @returns undefined where a layer has no manifest. */
  async #draw(): Promise<Blueprint | undefined> {
    const { paths, settings, log } = this.#store;
    const { config } = this.#wanted;
    const manifests = new ManifestStore(paths.manifests, log);
    const source = { sftp: this.#sessions.first, packs: this.#packs, manifests, log };
    const fetched = loadManifests(source, config);
    fetched.catch(() => undefined); // Awaited below: the disk is examined while the registry answers.
    const disk = loadSources(this.#store, manifests, this.#wanted);
    const layers = await fetched;
    if (layers === undefined) return undefined;
    const tree = layRelease(layers, settings.policy);
    const places = layers.map(({ manifest }) => chunkPlaces(manifest.root, manifest.entries));
    const plan = planContent(tree.nodes, places, disk);
    if (archivesAreBetter(plan.fetch.bytes, await missingBytes(this.#store, config)))
      throw new ArchivesAreBetter();
    return { layers, tree, places, disk, plan };
  }

  async #carryOut(blueprint: Blueprint): Promise<Release> {
    const { paths, progress, log, signal } = this.#store;
    const { hash } = this.#wanted.config;
    const leftovers = halfBuilt(paths.unpacked);
    const fresh = await freshDirectory(paths.unpacked);
    const begun = performance.now();
    const { plan, tree } = blueprint;
    const reused = plan.copies.reduce((sum, { node }) => sum + node.entry.size, 0);
    progress.expect(plan.fetch.bytes, reused);
    try {
      const { finishedAt, ...numbers } = await this.#fill(blueprint, fresh, leftovers);
      const root = join(paths.unpacked, hash);
      new ReleaseRecords(paths.records).remove(hash);
      await putInPlace(paths.unpacked, fresh, root);
      const ms = Math.round(performance.now() - begun);
      log.info({ files: tree.nodes.length, ...numbers, ms, root }, 'built');
      warnOfStripped(log, root, tree.stripped);
      return { root, durable: this.#settle(blueprint, root, finishedAt) };
    } catch (error) {
      const isInterrupted = isDeployError(error, 'connect') || signal.aborted;
      if (!isInterrupted) await removeTree(fresh);
      throw error;
    }
  }

  async #fill(
    { tree, places, disk, plan, layers }: Blueprint,
    into: string,
    leftovers: readonly string[],
  ): Promise<AssembleStats> {
    const { settings, threads, progress } = this.#store;
    const reuse = reuseMethod(settings.reuse, into);
    await checkSpace(into, bytesWritten(tree, plan, reuse === 'copy'), 'the release');
    const archiveBytes = await missingBytes(this.#store, this.#wanted.config);
    const packs = layers.map(({ manifest }) => manifest.root.pack.hash);
    const roots = [...disk.releases.map(({ root }) => root), ...disk.unproven, into];
    const removals: Promise<void>[] = [];
    this.#widenFor(plan.fetch.bytes);
    const stats = await assembleRelease({
      tree,
      plan,
      places,
      releases: disk.releases,
      setup: { kind: 'setup', into, ownership: settings.ownership, reuse, roots, implicit: tree.implicit },
      source: {
        readInto: async (layer, target, offset) => {
          await this.#lanes.readInto(packs[layer] ?? '', target, offset);
          progress.fetched(target.length);
        },
      },
      threads,
      onLocalDone: () => {
        for (const path of leftovers) removals.push(this.#removeLeftover(path));
      },
      beforeLateFetch: (bytes) => {
        if (plan.fetch.bytes === 0 && archivesAreBetter(bytes, archiveBytes)) throw new ArchivesAreBetter();
        this.#widenFor(bytes);
      },
    });
    await Promise.all(removals);
    return stats;
  }

  #widenFor(bytes: number): void {
    if (bytes > WIDE_FETCH_BYTES) this.#lanes.widen(EXTRA_LANES);
  }

  /** Removes a half-built directory, whose useful content is in the new release by now. */
  async #removeLeftover(path: string): Promise<void> {
    const { log, signal } = this.#store;
    try {
      await removeTree(path, signal);
    } catch (error) {
      log.warn(
        { path, err: describeError(error) },
        'cannot remove a half-built release of an earlier attempt',
      );
    }
  }

  /**
   * Makes the release durable and records its files, which the next release then reuses. The flush starts a process, which blocks
   * this one for most of 0.1 s; so the stamps come first, and the script has been started by then. The record is
   * written last: it must not exist before the files that it describes.
   */
  async #settle({ layers, tree }: Blueprint, root: string, finishedAt: bigint): Promise<void> {
    const { paths, threads, log, signal } = this.#store;
    const nodes = recordable(tree.nodes);
    const files = () => nodes.map(({ entry }) => entry.path);
    const stamp = () => ({ kind: 'stamp', root, paths: files() }) as const;
    const [stamped] = await Promise.allSettled([threads.run('stamp', stamp)]);
    await makeDurable(paths.unpacked, root);
    try {
      if (stamped.status === 'rejected') throw stamped.reason;
      const manifests = layers.map(({ manifest }) => manifest);
      const record = recordOf(manifests, { nodes, stamps: stamped.value }, finishedAt);
      new ReleaseRecords(paths.records).write(this.#wanted.config.hash, record);
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: describeError(error) }, 'the release is not recorded; the next deployment verifies it');
    }
  }
}

function isFaultOfRegistry(error: unknown): boolean {
  return (['not-found', 'unsupported', 'corrupt'] as const).some((kind) => isDeployError(error, kind));
}

/** Bytes of disk space for the release: all but the files that share theirs with an earlier release. */
function bytesWritten(tree: LaidRelease, plan: ContentPlan, isCopied: boolean): number {
  const all = tree.nodes.reduce((sum, { entry }) => sum + entry.size, 0);
  return isCopied ? all : all - plan.copies.reduce((sum, { node }) => sum + node.entry.size, 0);
}
