import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import type { ConfigLayer } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import type { AgentContext } from '../deploy/agent-context.js';
import { hashContent, PARTIAL } from './archive-cache.js';
import { layerLabel } from './layer-label.js';

/**
 * Fetches an archive into the cache, under its hash once every byte is verified. What a cut connection left is
 * continued, not fetched again, unless it turns out to be damaged.
 * @throws DeployError corrupt when the bytes are not those of the hash: they are removed, so that the next attempt
 * begins anew.
 */
export async function download(context: AgentContext, sftp: SftpClient, layer: ConfigLayer): Promise<void> {
  const target = join(context.paths.cache, layer.hash);
  const partial = target + PARTIAL;
  const started = performance.now();
  const file = await open(partial, 'a+', 0o600);
  try {
    const resumed = (await file.stat()).size > 0;
    let bytes = await complete(context, sftp, layer, file);
    if (bytes === undefined && resumed) {
      context.log.warn(
        { layer: layerLabel(layer) },
        'what was there of the download is damaged, fetching anew',
      );
      await file.truncate();
      bytes = await complete(context, sftp, layer, file);
    }
    if (bytes === undefined) {
      await rm(partial, { force: true });
      throw mismatch(layer);
    }
    await file.datasync();
    const ms = Math.round(performance.now() - started);
    context.log.info({ layer: layerLabel(layer), bytes, ms }, 'downloaded');
  } finally {
    await file.close();
  }
  await rename(partial, target);
  syncDirectory(dirname(target));
}

/** @returns how many bytes were fetched; undefined when the whole does not have its hash. */
async function complete(
  context: AgentContext,
  sftp: SftpClient,
  layer: ConfigLayer,
  file: FileHandle,
): Promise<number | undefined> {
  const hash = createHash('sha256');
  const from = await hashContent(file, hash, context.signal);
  if (from > 0) context.log.info({ layer: layerLabel(layer), from }, 'download resumed');
  const bytes = await fetchRest(context, sftp, layer, file, hash, from);
  return hash.digest('hex') === layer.hash ? bytes : undefined;
}

/** @returns bytes fetched. */
async function fetchRest(
  context: AgentContext,
  sftp: SftpClient,
  layer: ConfigLayer,
  file: FileHandle,
  hash: Hash,
  from: number,
): Promise<number> {
  let bytes = 0;
  for await (const chunk of sftp.read(layer.file, { from })) {
    context.signal.throwIfAborted();
    hash.update(chunk);
    await file.appendFile(chunk);
    bytes += chunk.length;
    context.facts.fetched(chunk.length);
  }
  return bytes;
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
