import { hash } from 'node:crypto';
import { encodeEntrySegment } from '@deploy-tools/shared/layers/entry-segment.js';
import { packFrame, zstdVersion } from '@deploy-tools/shared/layers/frame.js';
import { PACK_HEADER, TIME_SEGMENT_ENTRIES } from '@deploy-tools/shared/layers/manifest.js';
import { encodeManifestRoot, type PlacelessSegment } from '@deploy-tools/shared/layers/manifest-root.js';
import { encodeTimeSegment } from '@deploy-tools/shared/layers/time-segment.js';
import type { StoredBlob } from '@deploy-tools/shared/model.js';
import { HashedWriter } from './hashed-writer.js';
import type { LayerEntry } from './layer-entry.js';
import type { LayerFiles } from './layer-port.js';
import { segmentCuts } from './segment-cuts.js';

/** A layer whose chunks are stored. */
export interface Layer {
  readonly archive: StoredBlob;
  /** In the order of the manifest. */
  readonly entries: readonly LayerEntry[];
  /** Sum of the sizes of all files. */
  readonly bytes: number;
}

/**
 * Writes the pack and the manifest's root, durably.
 * @throws DeployError unsupported when the format cannot represent the layer; system errors.
 */
export function writeLayer(layer: Layer, into: LayerFiles): { manifest: StoredBlob; pack: StoredBlob } {
  const writer = new HashedWriter(into.pack);
  try {
    writer.write(PACK_HEADER);
    const entrySegments = writeSegments(writer, segmentCuts(layer.entries), encodeEntrySegment);
    const timeSegments = writeSegments(
      writer,
      slices(layer.entries, TIME_SEGMENT_ENTRIES),
      encodeTimeSegment,
    );
    const contentOffset = writer.size;
    writeChunks(writer, layer.entries);
    const pack = writer.finish();
    const root = encodeManifestRoot({
      compressor: zstdVersion(),
      archive: layer.archive,
      pack,
      contentOffset,
      entries: layer.entries.length,
      contentBytes: layer.bytes,
      entrySegments,
      timeSegments,
    });
    return { manifest: writeWhole(into.manifest, root), pack };
  } finally {
    writer.close();
  }
}

function writeWhole(path: string, bytes: Uint8Array): StoredBlob {
  const writer = new HashedWriter(path);
  try {
    writer.write(bytes);
    return writer.finish();
  } finally {
    writer.close();
  }
}

function writeSegments<T>(
  writer: HashedWriter,
  segments: Iterable<readonly T[]>,
  encode: (items: readonly T[]) => Buffer,
): PlacelessSegment[] {
  const refs: PlacelessSegment[] = [];
  for (const items of segments) {
    const bytes = encode(items);
    const frame = packFrame(bytes).bytes;
    writer.write(frame);
    refs.push({
      digest: hash('sha256', bytes),
      length: bytes.length,
      packedLength: frame.length,
      entries: items.length,
    });
  }
  return refs;
}

/** Each chunk once, in the order of first use. */
function writeChunks(writer: HashedWriter, entries: readonly LayerEntry[]): void {
  const written = new Set<string>();
  for (const entry of entries) {
    for (const chunk of entry.chunks) {
      if (written.has(chunk.digest)) continue;
      written.add(chunk.digest);
      writer.copy(chunk);
    }
  }
}

function* slices<T>(items: readonly T[], length: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += length) yield items.slice(from, from + length);
}
