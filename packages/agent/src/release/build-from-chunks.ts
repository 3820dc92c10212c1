import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import type { AgentContext } from '../deploy/agent-context.js';
import { missingBytes } from './archive-cache.js';
import { type AssembleStats, assembleRelease } from './assemble/assemble-release.js';
import { reuseMethod } from './assemble/reuse-method.js';
import { loadManifests } from './fetch/load-manifests.js';
import { ManifestShelf } from './fetch/manifest-shelf.js';
import { PackFiles } from './fetch/pack-files.js';
import { PackLanes } from './fetch/pack-lanes.js';
import type { Sessions } from './fetch/sessions.js';
import { archivesAreBetter } from './plan/archives-instead.js';
import { type ContentPlan, type PackPlaces, planContent } from './plan/content-plan.js';
import type { DiskSources } from './plan/disk-release.js';
import { type LaidRelease, layRelease } from './plan/lay-release.js';
import type { ReleaseLayer } from './plan/layer-manifest.js';
import { loadSources } from './records/load-sources.js';
import { recordable, recordOf } from './records/record-of.js';
import { ReleaseRecords } from './records/release-records.js';
import { freshDirectory, halfBuilt, makeDurable, putInPlace, type Release } from './release-directory.js';
import { removeTree } from './unpack/remove-tree.js';
import { warnOfStripped } from './unpack/warn-of-stripped.js';

/** From so many bytes on, one session's flow control would be what limits the speed. */
const WIDE_BYTES = 4 * 1024 * 1024;
const MORE_LANES = 2;

/** Everything that is known before the first file is made. */
interface Blueprint {
  readonly layers: readonly ReleaseLayer[];
  readonly tree: LaidRelease;
  readonly places: PackPlaces;
  readonly disk: DiskSources;
  readonly plan: ContentPlan;
}

/** Bytes of archives below which a release is likely to be built by one thread. */
const SMALL_ARCHIVES = 1024 * 1024;

/** Thrown to give up for the archives, which is not a failure. */
class ArchivesAreBetter extends Error {}

/**
 * Builds a configuration's release of what is on this host and of the chunks that are not. A fresh directory gets the
 * release's name when it is complete; what a lost connection leaves half built is used by the next attempt.
 * @param before what runs.
 * @returns undefined when this cannot be done, or whole archives are the better way; the log says why.
 * @throws DeployError unsafe, too-large, invalid, as unpacking the archives would; connect, no-space, cancelled.
 */
export async function build(
  context: AgentContext,
  sessions: Sessions,
  before: AgentConfig | undefined,
  config: AgentConfig,
): Promise<Release | undefined> {
  const { log, threads, signal } = context;
  const packs = new PackFiles(sessions.first);
  const lanes = new PackLanes(sessions, packs, log);
  const stop = () => void threads.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    threads.start(isSmall(config));
    const blueprint = await draw(context, sessions, packs, before, config);
    return blueprint === undefined ? undefined : await carryOut(context, lanes, config, blueprint);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ArchivesAreBetter) log.info('whole archives are fewer bytes');
    else if (isRegistrysFault(error))
      log.warn({ err: describeError(error) }, 'the release cannot be built of chunks, using whole archives');
    else throw error;
    return undefined;
  } finally {
    signal.removeEventListener('abort', stop);
    packs.close();
    await lanes.close();
  }
}

/** By its archives; what it unpacks to is known later. */
function isSmall({ layers }: AgentConfig): boolean {
  return layers.reduce((sum, { size }) => sum + (size ?? SMALL_ARCHIVES), 0) < SMALL_ARCHIVES;
}

function isRegistrysFault(error: unknown): boolean {
  return (['not-found', 'unsupported', 'corrupt'] as const).some((kind) => isDeployError(error, kind));
}

async function draw(
  context: AgentContext,
  sessions: Sessions,
  packs: PackFiles,
  before: AgentConfig | undefined,
  config: AgentConfig,
): Promise<Blueprint | undefined> {
  const { paths, settings, log } = context;
  const shelf = new ManifestShelf(paths.manifests, log);
  const wanted = loadManifests({ sftp: sessions.first, packs, shelf, log }, config);
  wanted.catch(() => undefined); // awaited below; the disk is looked at while the registry answers
  const disk = await loadSources(context, shelf, before, config);
  const layers = await wanted;
  if (layers === undefined) return undefined;
  const tree = layRelease(layers, settings.policy);
  const places = layers.map(({ manifest }) => chunkPlaces(manifest.root, manifest.entries));
  const plan = planContent(tree.nodes, places, disk);
  if (archivesAreBetter(plan.fetch.bytes, await missingBytes(context, config))) throw new ArchivesAreBetter();
  return { layers, tree, places, disk, plan };
}

async function carryOut(
  context: AgentContext,
  lanes: PackLanes,
  config: AgentConfig,
  blueprint: Blueprint,
): Promise<Release> {
  const { paths, log } = context;
  const leftovers = await halfBuilt(paths.unpacked);
  const fresh = await freshDirectory(paths.unpacked);
  const begun = performance.now();
  const { plan } = blueprint;
  context.facts.expect(
    plan.fetch.bytes,
    plan.copies.reduce((sum, { node }) => sum + node.entry.size, 0),
  );
  try {
    const stats = await fill(context, lanes, config, blueprint, fresh, leftovers);
    const root = join(paths.unpacked, config.hash);
    new ReleaseRecords(paths.records).remove(config.hash);
    await putInPlace(paths.unpacked, fresh, root);
    const { finishedAt, ...numbers } = stats;
    const ms = Math.round(performance.now() - begun);
    log.info({ files: blueprint.tree.nodes.length, ...numbers, ms, root }, 'built');
    warnOfStripped(log, root, blueprint.tree.stripped);
    return { root, durable: settle(context, config, blueprint, root, finishedAt) };
  } catch (error) {
    const isInterrupted = isDeployError(error, 'connect') || context.signal.aborted;
    if (!isInterrupted) await removeTree(fresh, new AbortController().signal);
    throw error;
  }
}

async function fill(
  context: AgentContext,
  lanes: PackLanes,
  config: AgentConfig,
  blueprint: Blueprint,
  into: string,
  leftovers: readonly string[],
): Promise<AssembleStats> {
  const { settings, threads } = context;
  const { tree, places, disk, plan, layers } = blueprint;
  const reuse = reuseMethod(settings.reuse, into);
  await checkSpace(into, bytesWritten(blueprint, reuse === 'copy'), 'the release');
  const archiveBytes = await missingBytes(context, config);
  const packs = layers.map(({ manifest }) => manifest.root.pack.hash);
  const roots = [...disk.releases.map(({ root }) => root), ...disk.unproven, into];
  const removals: Promise<void>[] = [];
  if (plan.fetch.bytes > WIDE_BYTES) lanes.widen(MORE_LANES);
  const stats = await assembleRelease({
    tree,
    plan,
    places,
    releases: disk.releases,
    setup: { kind: 'setup', into, ownership: settings.ownership, reuse, roots, implicit: tree.implicit },
    source: {
      readInto: async (layer, target, offset) => {
        await lanes.readInto(packs[layer] ?? '', target, offset);
        context.facts.fetched(target.length);
      },
    },
    threads,
    onLocalDone: () => {
      for (const path of leftovers) removals.push(removeLeftover(context, path));
    },
    beforeLateFetch: (bytes) => {
      if (plan.fetch.bytes === 0 && archivesAreBetter(bytes, archiveBytes)) throw new ArchivesAreBetter();
      if (bytes > WIDE_BYTES) lanes.widen(MORE_LANES);
    },
  });
  await Promise.all(removals);
  return stats;
}

/** What takes space of its own: everything but files that share theirs with an earlier release. */
function bytesWritten({ tree, plan }: Blueprint, copies: boolean): number {
  const all = tree.nodes.reduce((sum, { entry }) => sum + entry.size, 0);
  return copies ? all : all - plan.copies.reduce((sum, { node }) => sum + node.entry.size, 0);
}

/** All that it holds of use is in the release now. */
async function removeLeftover(context: AgentContext, path: string): Promise<void> {
  try {
    await removeTree(path, context.signal);
  } catch (error) {
    context.log.warn({ path, err: describeError(error) }, 'what was left half built cannot be removed');
  }
}

/**
 * Makes the release durable and records what its files look like, so that the next one can take them over. The flush
 * comes second, when the script has been started (a process that is started costs this one a good part of 0.1 s), and the
 * record last: it must not be there before what it tells of.
 */
async function settle(
  context: AgentContext,
  config: AgentConfig,
  { layers, tree }: Blueprint,
  root: string,
  finishedAt: bigint,
): Promise<void> {
  const { paths, threads, log } = context;
  const nodes = recordable(tree.nodes);
  const files = () => nodes.map(({ entry }) => entry.path);
  const stamp = () => ({ kind: 'stamp', root, paths: files() }) as const;
  const [stamped] = await Promise.allSettled([threads.run('stamp', stamp)]);
  await makeDurable(paths.unpacked, root);
  try {
    if (stamped.status === 'rejected') throw stamped.reason;
    const manifests = layers.map(({ manifest }) => manifest);
    const record = recordOf(manifests, nodes, stamped.value.stamps, finishedAt);
    new ReleaseRecords(paths.records).write(config.hash, record);
  } catch (error) {
    if (context.signal.aborted) return;
    log.warn({ err: describeError(error) }, 'the release is not recorded; the next deployment verifies it');
  }
}
