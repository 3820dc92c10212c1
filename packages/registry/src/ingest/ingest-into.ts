import { closeSync } from 'node:fs';
import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { readArchive } from '@deploy-tools/shared/archive/read-archive.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import { ChunkStore } from './chunk-store.js';
import { EarlierPacks } from './earlier-packs.js';
import { HashedSource } from './hashed-source.js';
import type { Ingested, IngestTask } from './ingest-task.js';
import type { WrittenFile } from './layer-files.js';
import { layerOrder } from './layer-order.js';
import { LayerReader } from './layer-reader.js';
import { openSpool, spoolPath } from './spool.js';
import { writeLayer } from './write-layer.js';

/**
 * Derives manifest and pack from the bytes of an archive, read once: with synchronous calls, for the worker thread.
 * @param source of the archive's bytes.
 * @throws DeployError as ingestArchive; system errors.
 */
export async function ingestInto(task: IngestTask, source: AsyncIterable<Uint8Array>): Promise<Ingested> {
  const notes: string[] = [];
  const spool = openSpool(spoolPath(task.into.pack));
  const earlier = new EarlierPacks((text) => notes.push(text));
  const store = new ChunkStore(spool, earlier);
  try {
    for (const files of task.reuse) earlier.open(files);
    const reader = new LayerReader(store);
    const archive = await readWhole(task, source, reader).catch(refuseUnread);
    await store.finish();
    const { entries, bytes } = reader;
    const written = writeLayer({ archive, entries: layerOrder(entries), bytes }, task.into);
    return { ...written, entries: entries.length, bytes, notes };
  } finally {
    await store.close();
    earlier.close();
    closeSync(spool);
  }
}

/** What could not be read to its end has not been checked, whatever it was that this program cannot do. */
function refuseUnread(error: unknown): never {
  if (!isDeployError(error, 'unsupported')) throw error;
  throw new DeployError('invalid', error.message, { cause: error });
}

/** Reads the archive into the reader, and proves that it is the one that was asked for. */
async function readWhole(
  task: IngestTask,
  source: AsyncIterable<Uint8Array>,
  reader: LayerReader,
): Promise<WrittenFile> {
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
  throw new DeployError('corrupt', `the archive ${task.hash} is not what its hash says`, {
    hint: 'upload it again',
  });
}
