import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Ingested, IngestTask } from '../ingest/ingest-task.js';
import type { ByteStore, LocatedFile } from '../layers/byte-store.js';
import type { DerivedKind, DerivedStore } from '../layers/derived-store.js';
import type { ReadMarks } from '../layers/read-marks.js';
import type { ArchiveIndex, IndexedArchive, MetaStore, StoredBlob } from '../meta/meta-store.js';
import { chooseReuse } from './choose-reuse.js';
import { requireSpace } from './disk-space.js';

/** See ingest/ingest-archive.ts. */
export type Ingest = (task: IngestTask, signal: AbortSignal) => Promise<Ingested>;

/** What indexing stands on. */
export interface IndexStores {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  readonly derived: DerivedStore;
  readonly marks: ReadMarks;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly ingest: Ingest;
  readonly policy: UnpackPolicy;
  /** Bytes that packs must leave free on the disk. */
  readonly minFree: number;
}

/** Where the files are written before they have a hash. */
type Drafts = Readonly<Record<DerivedKind, string>>;

/** Times that a process may end while it reads an archive, for whatever reason, before the archive is to blame. */
const MAX_CUT_OFF = 3;

/**
 * What says something about the archive, and will say it again. With `unsupported` it was read to its end and is safe:
 * see ingest/ingest-archive.ts.
 */
const REFUSALS: readonly ErrorKind[] = ['invalid', 'corrupt', 'unsafe', 'too-large', 'unsupported'];

/**
 * Reads an archive or a sealed upload through, and keeps its manifest and pack, or why it is refused. The bytes get
 * their place in the transaction that writes the row, as housekeeping removes them in transactions too.
 * @returns what is kept now. @throws DeployError not-found, no-space, cancelled, internal: nothing is kept then.
 */
export async function indexArchive(
  stores: IndexStores,
  hash: string,
  signal: AbortSignal,
): Promise<ArchiveIndex> {
  const { derived } = stores;
  const { path, size } = await locate(stores.bytes, hash);
  // A pack takes about as much as its archive, and while it is made twice that.
  const what = `to index an archive of ${formatByteSize(size)}`;
  await requireSpace(stores.bytes, stores.minFree, 2 * size, what);
  const drafts = { manifest: derived.draft('manifest'), pack: derived.draft('pack') };
  try {
    return await keep(stores, await readMarked(stores, { path, hash, size }, drafts, signal), drafts);
  } finally {
    for (const draft of Object.values(drafts)) await derived.discard(draft);
  }
}

interface StoredArchive extends StoredBlob {
  readonly path: string;
}

/** Reads an archive, unless doing so has ended the registry again and again. */
async function readMarked(
  stores: IndexStores,
  archive: StoredArchive,
  drafts: Drafts,
  signal: AbortSignal,
): Promise<ArchiveIndex> {
  const { hash, size } = archive;
  const cutOff = await stores.marks.begin(hash);
  if (cutOff >= MAX_CUT_OFF) {
    const reason = {
      kind: 'too-large',
      message: `the registry ended ${cutOff} times while it read this archive, which is not read again within a day`,
      hint: 'look into the log of the service for why it ended; most likely it had too little memory',
    } as const;
    return { kind: 'refused', archive: { hash, size }, made: stores.clock().toISOString(), reason };
  }
  try {
    return await readThrough(stores, archive, drafts, signal);
  } finally {
    await stores.marks.end(hash);
  }
}

async function readThrough(
  stores: IndexStores,
  { path, hash, size }: StoredArchive,
  drafts: Drafts,
  signal: AbortSignal,
): Promise<ArchiveIndex> {
  const { clock, ingest, policy } = stores;
  const archive: StoredBlob = { hash, size };
  const reuse = await reusable(stores, archive);
  try {
    const task = { archive: path, hash, size, policy, reuse, into: drafts };
    const { manifest, pack, entries, bytes, notes } = await ingest(task, signal);
    for (const note of notes) stores.log.warn({ hash }, note);
    return { kind: 'indexed', archive, made: clock().toISOString(), manifest, pack, entries, bytes };
  } catch (thrown) {
    const { kind, message, hint } = toDeployError(thrown);
    if (kind === 'no-space') throw diskFull(stores.bytes.place, thrown);
    if (!REFUSALS.includes(kind)) throw thrown;
    return { kind: 'refused', archive, made: clock().toISOString(), reason: { kind, message, hint } };
  }
}

/** Whether what an index names is there, by size; the content is for fsck to read. */
export async function isIndexStored(derived: DerivedStore, index: IndexedArchive): Promise<boolean> {
  const manifest = await derived.stat('manifest', index.manifest.hash);
  const pack = await derived.stat('pack', index.pack.hash);
  return manifest?.size === index.manifest.size && pack?.size === index.pack.size;
}

async function keep(
  { meta, bytes, derived }: IndexStores,
  index: ArchiveIndex,
  drafts: Drafts,
): Promise<ArchiveIndex> {
  return meta.write(async (tx) => {
    await locate(bytes, index.archive.hash); // gone meanwhile: nothing to keep
    if (index.kind === 'indexed') {
      await derived.put('pack', index.pack.hash, drafts.pack);
      await derived.put('manifest', index.manifest.hash, drafts.manifest);
    }
    await tx.putIndex(index);
    return index;
  });
}

function diskFull(place: string, cause: unknown): DeployError {
  return new DeployError(
    'no-space',
    `the registry's disk became full, at ${place}, while the archive was indexed`,
    {
      hint: 'free some space there, for example by gc, and try again',
      cause,
    },
  );
}

async function locate(bytes: ByteStore, hash: string): Promise<LocatedFile> {
  const located = (await bytes.locate('archive', hash)) ?? (await bytes.locate('upload', hash));
  if (located === undefined) throw new DeployError('not-found', `no archive ${hash}`);
  return located;
}

async function reusable(
  { meta, derived }: IndexStores,
  archive: StoredBlob,
): Promise<{ manifest: string; pack: string }[]> {
  const newest = await meta.read((tx) => tx.newestIndexed());
  const files: { manifest: string; pack: string }[] = [];
  for (const index of chooseReuse(archive, newest)) {
    if (!(await isIndexStored(derived, index))) continue; // to be made anew, as after a restore
    const { manifest, pack } = index;
    files.push({
      manifest: derived.locate('manifest', manifest.hash),
      pack: derived.locate('pack', pack.hash),
    });
  }
  return files;
}
