import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import type { AgentContext } from '../agent-context.js';
import { bootId } from '../host-process.js';
import { syncTree } from '../host-sync.js';
import { layerLabel } from '../layer-label.js';
import { removeTree } from '../unpack/remove-tree.js';
import { unpackLayers } from '../unpack/unpack-layers.js';

/** Marks a release as complete on disk; the original's agent writes and reads the same. */
const COMPLETE = '.ok';
const TEMPORARY = /^\.(new|old)-/;
const RELEASE = /^[0-9a-f]{64}$/;

export interface Release {
  /** Absolute: `<dir>/unpacked/<configuration hash>`. */
  readonly root: string;
  /**
   * Resolves when the release is complete on disk, power loss included, and marked so. It is complete for every
   * process before this; only the disk lags behind.
   */
  readonly durable: Promise<void>;
}

/**
 * Unpacks a configuration into a fresh directory, which gets its name only when it is complete.
 * @param unpackedIn set when the directory of that name was made for this very deployment, and a script that did not
 * get to its end may have started something from it: it is then used as it is. The boot of the host it was made in.
 */
export async function unpack(
  context: AgentContext,
  config: AgentConfig,
  unpackedIn: string | undefined,
): Promise<Release> {
  const { paths, settings, log, signal } = context;
  const root = join(paths.unpacked, config.hash);
  const usable = unpackedIn === undefined ? undefined : usableRelease(paths.unpacked, root, unpackedIn);
  if (usable !== undefined) {
    log.debug({ root }, 'the release is unpacked already');
    return usable;
  }
  await mkdir(paths.unpacked, { recursive: true, mode: 0o750 });
  const fresh = join(paths.unpacked, `.new-${randomBytes(6).toString('hex')}`);
  await mkdir(fresh, { mode: 0o755 });
  try {
    const layers = config.layers.map((layer) => ({
      archive: join(paths.cache, layer.hash),
      label: layerLabel(layer),
    }));
    const { policy, ownership } = settings;
    const stats = await unpackLayers({ layers, into: fresh, policy, ownership, signal });
    log.info({ ...stats, ms: Math.round(stats.ms), root }, 'unpacked');
  } catch (error) {
    await removeTree(fresh, new AbortController().signal);
    throw error;
  }
  await putInPlace(context, fresh, root);
  return { root, durable: makeDurable(paths.unpacked, root) };
}

/** While the host has not gone down, what got the name is complete, its mark written or not. */
function usableRelease(unpacked: string, root: string, unpackedIn: string): Release | undefined {
  if (!existsSync(root)) return undefined;
  if (existsSync(root + COMPLETE)) return { root, durable: Promise.resolve() };
  if (unpackedIn !== '' && unpackedIn === bootId()) return { root, durable: makeDurable(unpacked, root) };
  return undefined;
}

/** Whatever has the name already was made for an earlier deployment of the same layers. */
async function putInPlace(context: AgentContext, fresh: string, root: string): Promise<void> {
  await rm(root + COMPLETE, { force: true });
  const old = join(context.paths.unpacked, `.old-${randomBytes(6).toString('hex')}`);
  try {
    await rename(root, old);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await rename(fresh, root);
    return;
  }
  await rename(fresh, root);
  await removeTree(old, new AbortController().signal);
}

async function makeDurable(unpacked: string, root: string): Promise<void> {
  await syncTree(root);
  await writeFile(root + COMPLETE, '', { mode: 0o640 });
  syncDirectory(unpacked);
}

/** Removes what an interrupted agent left half unpacked. */
export async function removeLeftovers(context: AgentContext): Promise<void> {
  const { unpacked } = context.paths;
  for (const name of await namesIn(unpacked, TEMPORARY)) {
    const path = join(unpacked, name);
    context.log.info({ path }, 'removing what was left half unpacked');
    await removeTree(path, context.signal);
  }
}

/** Removes all releases but one, with their marks. */
export async function removeOtherReleases(context: AgentContext, hash: string): Promise<void> {
  const { unpacked } = context.paths;
  for (const name of await namesIn(unpacked, RELEASE)) {
    if (name === hash) continue;
    const root = join(unpacked, name);
    context.log.debug({ root }, 'removing a release');
    await rm(root + COMPLETE, { force: true });
    await removeTree(root, context.signal);
  }
}

async function namesIn(dir: string, pattern: RegExp): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => pattern.test(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
