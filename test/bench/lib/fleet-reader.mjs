import { decodeConfigJson } from '@deploy-tools/shared/config-json.js';

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** The configuration that an agent would have deployed now. */
export async function readConfig(sftp, name) {
  const json = await sftp.readFile(`configs/${name}.json`, MAX_CONFIG_BYTES);
  return { config: decodeConfigJson(json.toString('utf8')), bytes: json.length };
}

/**
 * Reads over an SFTP session what an agent reads that takes an update, and keeps nothing of it.
 * @param held the configuration that it had deployed: what it need not read again.
 * @returns bytes read.
 */
export async function readUpdate(sftp, name, held) {
  const { config, bytes } = await readConfig(sftp, name);
  let total = bytes;
  for (const layer of config.layers) {
    if (!held.layers.some(({ hash }) => hash === layer.hash)) total += await readLayer(sftp, layer);
  }
  return total;
}

/** The whole archive. A layer that names a manifest is read here by its segments and the ranges of missing chunks. */
async function readLayer(sftp, layer) {
  let bytes = 0;
  for await (const part of sftp.read(layer.file)) bytes += part.length;
  return bytes;
}
