import { createHash } from 'node:crypto';
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
 * Downloads an archive into the cache, where it gets its hash as its name once every byte is verified. A partial download
 * of an earlier call is continued, unless it turns out to be damaged.
 * @throws DeployError corrupt when the bytes do not have the hash: they are removed, so that the next attempt begins anew.
 */
export async function downloadArchive(
  store: ReleaseStore,
  sftp: SftpClient,
  layer: ConfigLayer,
): Promise<void> {
  const { log } = store;
  const label = layerLabel(layer);
  const target = join(store.paths.cache, layer.hash);
  const partial = target + PARTIAL;
  const started = performance.now();
  const file = await open(partial, 'a+', 0o600);
  try {
    const from = (await file.stat()).size;
    if (from > 0) log.info({ layer: label, from }, 'download resumed');
    let bytes = await fetchRest(store, sftp, { layer, file });
    if (bytes === undefined && from > 0) {
      log.warn({ layer: label }, 'the partial download is damaged, fetching it anew');
      await file.truncate();
      bytes = await fetchRest(store, sftp, { layer, file });
    }
    if (bytes === undefined) {
      await rm(partial, { force: true });
      throw new DeployError(
        'corrupt',
        `the downloaded archive of ${label} does not have the hash ${layer.hash}`,
        {
          hint: 'it will be fetched anew; if this goes on, the archive in the registry is damaged',
        },
      );
    }
    await file.datasync();
    const ms = Math.round(performance.now() - started);
    log.info({ layer: label, bytes, ms }, 'downloaded');
  } finally {
    await file.close();
  }
  await rename(partial, target);
  syncDirectory(dirname(target));
}

/** Appends the missing bytes to a partial download. @returns how many; undefined when the archive does not have its hash. */
async function fetchRest(
  { progress, signal }: ReleaseStore,
  sftp: SftpClient,
  { layer, file }: { readonly layer: ConfigLayer; readonly file: FileHandle },
): Promise<number | undefined> {
  const hash = createHash('sha256');
  const from = await hashContent(file, hash, signal);
  let bytes = 0;
  for await (const chunk of sftp.read(layer.file, { from })) {
    signal.throwIfAborted();
    hash.update(chunk);
    await file.appendFile(chunk);
    bytes += chunk.length;
    progress.fetched(chunk.length);
  }
  return hash.digest('hex') === layer.hash ? bytes : undefined;
}
