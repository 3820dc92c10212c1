import { createCipheriv, hash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ingestArchive } from '@deploy-tools/registry/ingest/ingest-archive.js';
import type { Ingested, IngestTask, LayerFiles } from '@deploy-tools/registry/ingest/layer-port.js';
import { LayerTasks } from '@deploy-tools/registry/ingest/layer-tasks.js';
import { readEntries, readManifestRoot, readTimes } from '@deploy-tools/registry/ingest/read-manifest.js';
import { archiveFile } from '@deploy-tools/shared/archive/read-archive.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import { unpackFrame } from '@deploy-tools/shared/layers/frame.js';
import type { EntryTime, ManifestEntry, ManifestRoot } from '@deploy-tools/shared/layers/manifest.js';

const NEVER = new AbortController().signal;

/** Archives and what is made of them, in a directory. */
export class LayerFixture {
  readonly dir: string;
  #made = 0;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** A task for an archive that is written into the directory; its files do not exist yet. */
  task(archive: Uint8Array, change: Partial<IngestTask> = {}): IngestTask {
    const name = `${this.#made++}`;
    const path = join(this.dir, `${name}.archive`);
    writeFileSync(path, archive);
    return {
      archive: path,
      hash: hash('sha256', archive),
      size: archive.length,
      policy: DEFAULT_UNPACK_POLICY,
      reuse: [],
      into: { manifest: join(this.dir, `${name}.manifest`), pack: join(this.dir, `${name}.pack`) },
      ...change,
    };
  }

  /** Makes manifest and pack of an archive. */
  async ingest(
    archive: Uint8Array,
    change: Partial<IngestTask> = {},
  ): Promise<{ readonly ingested: Ingested; readonly files: LayerFiles }> {
    const task = this.task(archive, change);
    return { ingested: await new LayerTasks().ingest(task, NEVER), files: task.into };
  }

  /** As `ingest`, on this thread: for properties, which would else wait for threads to start. */
  async ingestHere(
    archive: Uint8Array,
    change: Partial<IngestTask> = {},
  ): Promise<{ readonly ingested: Ingested; readonly files: LayerFiles }> {
    const task = this.task(archive, change);
    return { ingested: await ingestArchive(task, archiveFile(task.archive)), files: task.into };
  }
}

export interface ReadLayer {
  readonly root: ManifestRoot;
  readonly entries: readonly ManifestEntry[];
  readonly times: readonly EntryTime[];
}

export function readLayer({ manifest, pack }: LayerFiles): ReadLayer {
  const root = readManifestRoot(manifest);
  const fd = openSync(pack, 'r');
  try {
    return { root, entries: readEntries(root, fd), times: readTimes(root, fd) };
  } finally {
    closeSync(fd);
  }
}

/** Each file's content, put together from the pack as an agent does. */
export function contentOf(files: LayerFiles): Map<string, Buffer> {
  const { root, entries } = readLayer(files);
  const pack = readFileSync(files.pack);
  const places = chunkPlaces(root, entries);
  const contents = new Map<string, Buffer>();
  for (const { type, path, chunks } of entries) {
    if (type !== 'file') continue;
    const parts = chunks.map(({ digest }) => {
      const { offset, length, packedLength } = places.get(digest) ?? {
        offset: 0,
        length: 0,
        packedLength: 0,
      };
      return unpackFrame(pack.subarray(offset, offset + packedLength), length);
    });
    contents.set(path, Buffer.concat(parts));
  }
  return contents;
}

export function exists({ manifest, pack }: LayerFiles): boolean {
  return existsSync(manifest) || existsSync(pack) || existsSync(`${pack}.spool`);
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(seed: number, length: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}
