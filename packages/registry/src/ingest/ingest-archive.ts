import { closeSync } from 'node:fs';
import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { readArchive } from '@deploy-tools/shared/archive/read-archive.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { StoredBlob } from '@deploy-tools/shared/model.js';
import { ChunkStore } from './chunk-store.js';
import { EarlierPacks } from './earlier-packs.js';
import { HashedSource } from './hashed-source.js';
import { layerOrder } from './layer-order.js';
import type { Ingested, IngestTask } from './layer-port.js';
import { LayerReader } from './layer-reader.js';
import { openSpool, spoolPath } from './spool.js';
import { writeLayer } from './write-layer.js';

/**
 * Makes manifest and pack of an archive, whose bytes are read once. The stages, in order:
 *
 * 1. Open the packs of earlier archives, to reuse their compressed chunks (earlier-packs.ts).
 * 2. Read the archive: check each entry against the policy, cut its content into chunks (layer-reader.ts), and store each
 *    chunk once in the spool, compressed (chunk-store.ts, spool.ts). A second thread compresses for large archives
 *    (compressor-thread.ts, compress-worker.ts).
 * 3. Compare the archive's hash with the wanted one (hashed-source.ts).
 * 4. Sort the entries into the order of the manifest (layer-order.ts).
 * 5. Write the pack: segments of entries and times, then the chunks. Write the root of the manifest last (write-layer.ts).
 *
 * Works with synchronous calls, for a worker thread.
 * @throws DeployError as LayerTasks.ingest; system errors.
 */
export async function ingestArchive(task: IngestTask, source: AsyncIterable<Uint8Array>): Promise<Ingested> {
  const notes: string[] = [];
  const spool = openSpool(spoolPath(task.into.pack));
  const earlier = new EarlierPacks((text) => notes.push(text));
  const chunks = new ChunkStore(spool, earlier);
  try {
    for (const files of task.reuse) earlier.open(files);
    const reader = new LayerReader(chunks);
    const archive = await readWhole(task, source, reader).catch(refuseUnread);
    await chunks.finish();
    const { entries, bytes } = reader;
    const written = writeLayer({ archive, entries: layerOrder(entries), bytes }, task.into);
    return { ...written, entries: entries.length, bytes, notes };
  } finally {
    await chunks.close();
    earlier.close();
    closeSync(spool);
  }
}

/** Refuses, as `invalid`, an archive with something unsupported: reading stopped there, so the rest is unchecked. */
function refuseUnread(error: unknown): never {
  if (!isDeployError(error, 'unsupported')) throw error;
  throw new DeployError('invalid', error.message, { cause: error });
}

/** Stages 2 and 3. */
async function readWhole(
  task: IngestTask,
  source: AsyncIterable<Uint8Array>,
  reader: LayerReader,
): Promise<StoredBlob> {
  const { policy } = task;
  const keepModes = { ...policy, allow: { ...policy.allow, setid: true } };
  const hashed = new HashedSource(source);
  try {
    await readArchive(hashed, new EntryPolicy(keepModes), reader);
    const archive = await hashed.finish();
    if (archive.hash === task.hash && archive.size === task.size) return archive;
  } finally {
    await hashed.close();
  }
  throw new DeployError('corrupt', `the archive ${task.hash} does not match its hash`, {
    hint: 'upload it again',
  });
}
