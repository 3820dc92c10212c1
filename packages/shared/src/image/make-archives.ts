import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EntryPolicy } from '../archive/entry-policy.js';
import { gzipBytes } from '../archive/gzip-bytes.js';
import { type Digest, hashing } from '../archive/hashing.js';
import type { UnpackPolicy } from '../archive/unpack-policy.js';
import { toDeployError } from '../errors.js';
import type { ImageLayer } from './image.js';
import { planLayers } from './layer-plan.js';
import { scanLayer } from './read-layer.js';
import { resolveEntries } from './resolve-entries.js';
import { rewriteLayer } from './rewrite-layer.js';

/** A layer's archive, a tar.gz on this disk. */
export interface MadeArchive extends Digest {
  readonly path: string;
}

/**
 * Makes the archives of an image's layers, whiteouts applied, as files in a directory: `layer-1.tar.gz` is the lowest.
 * Together they are a release that agents unpack, or they are refused here. The same image always gives the same bytes,
 * however its layers are compressed.
 * @param policy that the agents will apply, or a wider one.
 * @throws DeployError corrupt, invalid, unsafe, too-large, no-space, cancelled.
 */
export async function makeArchives(
  layers: readonly ImageLayer[],
  dir: string,
  policy: UnpackPolicy,
  signal: AbortSignal,
): Promise<readonly MadeArchive[]> {
  const labelled = layers.map((layer, index) => ({ ...layer, label: `layer ${index + 1}` }));
  const entries = [];
  for (const layer of labelled) entries.push(await scanLayer(layer, signal));
  const plans = planLayers(resolveEntries(entries));
  const admitted = new EntryPolicy(policy);
  const made: MadeArchive[] = [];
  for (const [index, layer] of labelled.entries()) {
    const path = join(dir, `layer-${index + 1}.tar.gz`);
    const tar = rewriteLayer(layer, { plan: plans[index] ?? [], policy: admitted }, signal);
    made.push({ path, ...(await writeFile(path, gzipBytes(tar))) });
  }
  return made;
}

async function writeFile(path: string, content: AsyncIterable<Uint8Array>): Promise<Digest> {
  const { bytes, result } = hashing(content);
  try {
    await pipeline(bytes, createWriteStream(path));
    return result();
  } catch (error) {
    throw toDeployError(error);
  }
}
