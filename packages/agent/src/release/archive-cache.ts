import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { isMissing } from '@deploy-tools/shared/errors.js';
import { namesIn } from '@deploy-tools/shared/host/names-in.js';
import { layerLabel } from './layer-label.js';
import type { ReleaseStore } from './release-store.js';

/** The end of the name of an archive that is not downloaded completely. */
export const PARTIAL = '.part';
const READ_CHUNK = 1024 * 1024;
const KEEP_MS = 3_600_000;

/**
 * Finds the archives of a configuration that are in the cache. Each is hashed again, since a disk may damage a file; a damaged
 * archive is removed.
 * @returns hashes of the archives that are whole.
 */
export async function verifyCache(store: ReleaseStore, config: AgentConfig): Promise<ReadonlySet<string>> {
  const { cache } = store.paths;
  const whole = new Set<string>();
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const names = new Set(await readdir(cache));
  for (const layer of config.layers) {
    const path = join(cache, layer.hash);
    if (!names.has(layer.hash) || whole.has(layer.hash)) continue;
    if ((await hashOfFile(path, store.signal)) === layer.hash) {
      whole.add(layer.hash);
      continue;
    }
    store.log.warn({ layer: layerLabel(layer), path }, 'the cached archive is damaged, fetching it anew');
    await rm(path);
  }
  return whole;
}

/** Counts the bytes to download for a configuration's archives, by the sizes of files in the cache. */
export async function missingBytes(store: ReleaseStore, config: AgentConfig): Promise<number> {
  const sizes = new Map(config.layers.map(({ hash, size }) => [hash, size ?? 0]));
  let missing = 0;
  for (const [hash, size] of sizes) {
    const path = join(store.paths.cache, hash);
    if ((await sizeOf(path)) !== undefined) continue;
    missing += Math.max(0, size - ((await sizeOf(path + PARTIAL)) ?? 0));
  }
  return missing;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function hashOfFile(path: string, signal: AbortSignal): Promise<string> {
  const file = await open(path);
  try {
    const hash = createHash('sha256');
    await hashContent(file, hash, signal);
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

/** Hashes a file from its beginning. @returns its size in bytes. */
export async function hashContent(file: FileHandle, hash: Hash, signal: AbortSignal): Promise<number> {
  const buffer = Buffer.allocUnsafe(READ_CHUNK);
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return at;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** Removes archives and partial downloads that are older than an hour and not needed. @param needed hashes. */
export async function pruneCache(store: ReleaseStore, needed: ReadonlySet<string>): Promise<void> {
  const limit = store.clock().getTime() - KEEP_MS;
  for (const name of namesIn(store.paths.cache)) {
    const hash = name.endsWith(PARTIAL) ? name.slice(0, -PARTIAL.length) : name;
    // The Go agent names its downloads temp-….
    if (needed.has(hash) || !/^([0-9a-f]{64}|temp-.*)$/.test(hash)) continue;
    const path = join(store.paths.cache, name);
    try {
      if ((await stat(path)).mtimeMs < limit) await rm(path, { force: true });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}
