import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import type { ConfigLayer } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { hashContent, PARTIAL } from './archive-cache.js';
import { layerLabel } from './layer-label.js';
import type { ReleaseStore } from './release-store.js';

/**
 * Downloads an archive into the cache, where it gets its hash as its name once every byte is verified. What a cut connection left is
 * continued rather than fetched again, unless it turns out to be damaged.
 * @throws DeployError corrupt when the bytes do not have the hash: they are removed, so that the next attempt begins anew.
 */
export async function downloadArchive(
  store: ReleaseStore,
  sftp: SftpClient,
  layer: ConfigLayer,
): Promise<void> {
  const target = join(store.paths.cache, layer.hash);
  const partial = target + PARTIAL;
  const started = performance.now();
  const file = await open(partial, 'a+', 0o600);
  const download = new Download(store, { sftp, layer, file });
  try {
    const isResumed = (await file.stat()).size > 0;
    let bytes = await download.complete();
    if (bytes === undefined && isResumed) {
      store.log.warn({ layer: layerLabel(layer) }, 'the partial download is damaged, fetching it anew');
      await file.truncate();
      bytes = await download.complete();
    }
    if (bytes === undefined) {
      await rm(partial, { force: true });
      throw mismatch(layer);
    }
    await file.datasync();
    const ms = Math.round(performance.now() - started);
    store.log.info({ layer: layerLabel(layer), bytes, ms }, 'downloaded');
  } finally {
    await file.close();
  }
  await rename(partial, target);
  syncDirectory(dirname(target));
}

interface DownloadParts {
  readonly sftp: SftpClient;
  readonly layer: ConfigLayer;
  /** Open for appending; holds what is there of the archive. */
  readonly file: FileHandle;
}

class Download {
  readonly #store: ReleaseStore;
  readonly #parts: DownloadParts;

  constructor(store: ReleaseStore, parts: DownloadParts) {
    this.#store = store;
    this.#parts = parts;
  }

  /** Fetches what is missing. @returns bytes fetched; undefined when the whole archive does not have its hash. */
  async complete(): Promise<number | undefined> {
    const { layer, file } = this.#parts;
    const hash = createHash('sha256');
    const from = await hashContent(file, hash, this.#store.signal);
    if (from > 0) this.#store.log.info({ layer: layerLabel(layer), from }, 'download resumed');
    const bytes = await this.#fetchFrom(from, hash);
    return hash.digest('hex') === layer.hash ? bytes : undefined;
  }

  async #fetchFrom(from: number, hash: Hash): Promise<number> {
    const { sftp, layer, file } = this.#parts;
    let bytes = 0;
    for await (const chunk of sftp.read(layer.file, { from })) {
      this.#store.signal.throwIfAborted();
      hash.update(chunk);
      await file.appendFile(chunk);
      bytes += chunk.length;
      this.#store.progress.fetched(chunk.length);
    }
    return bytes;
  }
}

function mismatch(layer: ConfigLayer): DeployError {
  return new DeployError(
    'corrupt',
    `what was downloaded of ${layerLabel(layer)} does not have the hash ${layer.hash}`,
    {
      hint: 'it will be fetched anew; if this goes on, the archive in the registry is damaged',
    },
  );
}
