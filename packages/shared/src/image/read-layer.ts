import { createHash } from 'node:crypto';
import { decompress } from '../archive/decompress.js';
import { memberPath } from '../archive/path-guard.js';
import { archiveFile } from '../archive/read-archive.js';
import type { TarEntry } from '../archive/tar-entry.js';
import { type TarHandler, TarReader } from '../archive/tar-reader.js';
import { DeployError, toDeployError } from '../errors.js';
import type { LabelledLayer } from './image.js';
import type { ScannedEntry } from './resolve-entries.js';

/**
 * Lists the entries of a layer, and verifies its content where the image states its digest.
 * @throws DeployError corrupt, invalid, unsafe, cancelled.
 */
export async function scanLayer(layer: LabelledLayer, signal: AbortSignal): Promise<ScannedEntry[]> {
  const entries: ScannedEntry[] = [];
  const hash = createHash('sha256');
  const handler = {
    entry: (entry: TarEntry) => entries.push(layerEntry(entry)),
    data: () => {},
    entryEnd: () => {},
  };
  for await (const bytes of layerBytes(layer, handler, signal)) hash.update(bytes);
  if (layer.diffId !== undefined && hash.digest('hex') !== layer.diffId) {
    throw new DeployError(
      'corrupt',
      `${layer.label} of the image is damaged: its content is not sha256:${layer.diffId}`,
    );
  }
  return entries;
}

/**
 * Drives a tar handler with a layer's content; gives the tar stream piece by piece, each after the handler has seen it.
 * A piece is valid until the next is asked for.
 */
export async function* layerBytes(
  { file, label }: LabelledLayer,
  handler: TarHandler,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = new TarReader(handler);
  try {
    for await (const { bytes } of decompress(archiveFile(file.path, signal))) {
      reader.write(bytes);
      yield bytes;
    }
    reader.end();
  } catch (error) {
    const { kind, message } = toDeployError(error);
    throw new DeployError(kind, `${label} of the image: ${message}`, { cause: error });
  }
}

function layerEntry(entry: TarEntry): ScannedEntry {
  return {
    path: memberPath(entry.name),
    type: entry.type,
    linkPath: entry.type === 'hardlink' ? memberPath(entry.linkName) : '',
    symlinkTarget: entry.type === 'symlink' ? entry.linkName : '',
  };
}
