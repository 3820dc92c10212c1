import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { gzipBytes } from '@deploy-tools/shared/archive/gzip-bytes.js';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { type ArchiveSource, hashing } from '../addver/archive-source.js';
import { componentName } from './configuration-name.js';
import type { Image } from './image.js';
import { planLayers } from './layer-plan.js';
import { scanLayer } from './read-layer.js';
import { resolveEntries } from './resolve-entries.js';
import { rewriteLayer } from './rewrite-layer.js';

/** What every agent takes, whatever bounds on the amount it was given. */
const TAKEN_BY_AGENTS: UnpackPolicy = {
  ...DEFAULT_UNPACK_POLICY,
  maxEntries: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};

/** A layer ready to be added. */
export interface MadeLayer {
  readonly component: string;
  /** Hex SHA-256 of the archive, which is also its version. */
  readonly hash: string;
  readonly size: number;
  readonly archive: ArchiveSource;
}

/**
 * Makes the archives of an image's layers, whiteouts applied, as files in a directory. Together they are a release
 * that agents unpack, or they are refused here.
 * @param name components are called `<name>.l1`, `<name>.l2`, …, from the lowest layer up.
 * @throws DeployError corrupt, invalid, unsafe, no-space, cancelled.
 */
export async function makeLayers(
  image: Image,
  name: string,
  dir: string,
  signal: AbortSignal,
): Promise<MadeLayer[]> {
  const labels = image.layers.map((_layer, index) => `layer ${index + 1}`);
  const entries = [];
  for (const [index, layer] of image.layers.entries()) {
    entries.push(await scanLayer(layer, labels[index] ?? '', signal));
  }
  const plans = planLayers(resolveEntries(entries));
  const policy = new EntryPolicy(TAKEN_BY_AGENTS);
  const made: MadeLayer[] = [];
  for (const [index, layer] of image.layers.entries()) {
    const path = join(dir, `layer-${index + 1}.tar.gz`);
    const tar = rewriteLayer(layer, plans[index] ?? [], policy, labels[index] ?? '', signal);
    const { bytes, result } = hashing(gzipBytes(tar));
    await pipeline(bytes, createWriteStream(path)).catch((error: unknown) =>
      Promise.reject(toDeployError(error)),
    );
    const component = componentName(name, index);
    const { hash, size } = result();
    made.push({
      component,
      hash,
      size,
      archive: { label: component, size, read: () => createReadStream(path) },
    });
  }
  return made;
}
