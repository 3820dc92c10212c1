import { decodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { MAX_ROOT } from '@deploy-tools/shared/layers/manifest.js';
import { updateRanges } from './update-ranges.mjs';

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
/** Bytes in flight of one reader, as of one agent. */
const WINDOW_BYTES = 8 * 1024 * 1024;
/** What was worked out, by the manifests of both layers; the first round, which is not counted, pays for it. */
const plans = new Map();

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
    const before = held.layers.find(({ name: component }) => component === layer.name);
    if (before?.hash === layer.hash) continue;
    total +=
      layer.manifest === undefined ? await readArchive(sftp, layer) : await readChunks(sftp, layer, before);
  }
  return total;
}

async function readArchive(sftp, layer) {
  let bytes = 0;
  for await (const part of sftp.read(layer.file)) bytes += part.length;
  return bytes;
}

/** The root of the manifest, and of the pack what is not there. */
async function readChunks(sftp, layer, before) {
  const key = `${before?.manifest} ${layer.manifest}`;
  if (!plans.has(key)) plans.set(key, updateRanges(sftp, before?.manifest, layer.manifest));
  const { pack, ranges } = await plans.get(key);
  const root = await sftp.readFile(`manifests/${layer.manifest}`, MAX_ROOT);
  const file = await sftp.openFile(`packs/${pack}`);
  let bytes = root.length;
  for (let next = 0; next < ranges.length; ) {
    const reads = [];
    for (let inFlight = 0; inFlight < WINDOW_BYTES && next < ranges.length; next++) {
      const { offset, length } = ranges[next];
      reads.push(file.readInto(Buffer.allocUnsafe(length), offset));
      inFlight += length;
      bytes += length;
    }
    await Promise.all(reads);
  }
  await file.close();
  return bytes;
}
