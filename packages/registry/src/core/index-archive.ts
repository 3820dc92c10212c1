import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { StoredBlob } from '@deploy-tools/shared/model.js';
import type { Ingested, IngestTask, LayerFiles } from '../ingest/layer-port.js';
import type { ByteStore, LocatedFile } from '../layers/byte-store.js';
import type { DerivedStore } from '../layers/derived-store.js';
import type { ReadMarks } from '../layers/read-marks.js';
import type { ArchiveIndex, IndexedArchive, MetaStore } from '../meta/meta-store.js';
import { type Clock, timestamp } from './clock.js';
import { requireSpace } from './disk-space.js';

/** See ingest/layer-tasks.ts. */
export type Ingest = (task: IngestTask, signal: AbortSignal) => Promise<Ingested>;

export interface IndexStores {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  readonly derived: DerivedStore;
  readonly marks: ReadMarks;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ingest: Ingest;
  readonly policy: UnpackPolicy;
  /** Bytes that packs must leave free on the disk. */
  readonly minFree: number;
}

/** Times that the process may end while it reads an archive, for any reason, before the archive is refused. */
const MAX_CUT_OFF = 3;
/** Archives that a new one is compared with: each costs reading its manifest. */
const MAX_REUSED_ARCHIVES = 2;

/**
 * Errors that are the archive's fault and would recur. An archive with `unsupported` was read to its end and is safe: see
 * ingest/layer-tasks.ts.
 */
const REFUSALS: readonly ErrorKind[] = ['invalid', 'corrupt', 'unsafe', 'too-large', 'unsupported'];

/**
 * Reads an archive or a sealed upload, and stores its manifest and pack, or the reason why it is refused. The files get their
 * names in the transaction that writes the row, because housekeeping removes them in transactions too.
 * @returns the stored index. @throws DeployError not-found, no-space, cancelled, internal: nothing is stored then.
 */
export async function indexArchive(
  stores: IndexStores,
  hash: string,
  signal: AbortSignal,
): Promise<ArchiveIndex> {
  const { bytes, derived, minFree } = stores;
  const { path, size } = await locate(bytes, hash);
  // A pack is about as large as its archive; while the pack is made, twice the space is taken.
  const purpose = `to index an archive of ${formatByteSize(size)}`;
  await requireSpace(bytes, minFree, { bytes: 2 * size, purpose });
  const into = { manifest: derived.draft('manifest'), pack: derived.draft('pack') };
  try {
    const index = await readMarked(stores, { path, archive: { hash, size }, into, signal });
    return await store(stores, index, into);
  } finally {
    for (const draft of Object.values(into)) await derived.discard(draft);
  }
}

interface Reading {
  readonly path: string;
  readonly archive: StoredBlob;
  /** Paths that manifest and pack are written to before their hashes are known. */
  readonly into: LayerFiles;
  readonly signal: AbortSignal;
}

/** Reads an archive, unless reading it has ended the registry's process several times. */
async function readMarked(stores: IndexStores, reading: Reading): Promise<ArchiveIndex> {
  const { marks, clock } = stores;
  const { archive } = reading;
  const cutOff = await marks.begin(archive.hash);
  if (cutOff >= MAX_CUT_OFF) {
    const message = `the registry ended ${cutOff} times while it read this archive, which is not read again within a day`;
    const hint = 'look into the log of the service for the reason; most likely it had too little memory';
    const reason = { kind: 'too-large', message, hint } as const;
    return { kind: 'refused', archive, made: timestamp(clock), reason };
  }
  try {
    return await read(stores, reading);
  } finally {
    await marks.end(archive.hash);
  }
}

async function read(stores: IndexStores, { path, archive, into, signal }: Reading): Promise<ArchiveIndex> {
  const { bytes, clock, ingest, log, policy } = stores;
  const reuse = await reusable(stores, archive);
  try {
    const task = { archive: path, ...archive, policy, reuse, into };
    const { notes, manifest, pack, entries, bytes: contents } = await ingest(task, signal);
    for (const note of notes) log.warn({ hash: archive.hash }, note);
    const files = { manifest, pack, entries, bytes: contents };
    return { kind: 'indexed', archive, made: timestamp(clock), ...files };
  } catch (thrown) {
    const { kind, message, hint } = toDeployError(thrown);
    if (kind === 'no-space') throw diskFull(bytes.place, thrown);
    if (!REFUSALS.includes(kind)) throw thrown;
    return { kind: 'refused', archive, made: timestamp(clock), reason: { kind, message, hint } };
  }
}

function store(
  { meta, bytes, derived }: IndexStores,
  index: ArchiveIndex,
  drafts: LayerFiles,
): Promise<ArchiveIndex> {
  return meta.write(async (tx) => {
    await locate(bytes, index.archive.hash); // throws when it was removed meanwhile: no index is needed then
    if (index.kind === 'indexed') {
      await derived.put('pack', index.pack.hash, drafts.pack);
      await derived.put('manifest', index.manifest.hash, drafts.manifest);
    }
    await tx.putIndex(index);
    return index;
  });
}

/** The paths of a layer's manifest and pack in the store. */
export function filesOf(derived: DerivedStore, { manifest, pack }: IndexedArchive): LayerFiles {
  return { manifest: derived.locate('manifest', manifest.hash), pack: derived.locate('pack', pack.hash) };
}

/** Whether the manifest and the pack of an index are stored, by their sizes; fsck reads the contents. */
export async function isIndexStored(
  derived: Pick<DerivedStore, 'stat'>,
  index: IndexedArchive,
): Promise<boolean> {
  const manifest = await derived.stat('manifest', index.manifest.hash);
  const pack = await derived.stat('pack', index.pack.hash);
  return manifest?.size === index.manifest.size && pack?.size === index.pack.size;
}

function diskFull(place: string, cause: unknown): DeployError {
  const hint = 'free some space there, for example by gc, and try again';
  const message = `the registry's disk became full, at ${place}, while the archive was indexed`;
  return new DeployError('no-space', message, { hint, cause });
}

async function locate(bytes: ByteStore, hash: string): Promise<LocatedFile> {
  const located = (await bytes.locate('archive', hash)) ?? (await bytes.locate('upload', hash));
  if (located === undefined) throw new DeployError('not-found', `no archive ${hash}`);
  return located;
}

/** The files of archives that a new one is likely to share content with. */
async function reusable({ meta, derived }: IndexStores, archive: StoredBlob): Promise<LayerFiles[]> {
  const newest = await meta.read((tx) => tx.newestIndexed());
  const files: LayerFiles[] = [];
  for (const index of chooseReuse(archive, newest)) {
    if (!(await isIndexStored(derived, index))) continue; // its files are missing, as after a restore
    files.push(filesOf(derived, index));
  }
  return files;
}

/** Chooses archives of similar size: the component of an upload is unknown before addver, but an update has a similar size. */
function chooseReuse(archive: StoredBlob, newest: readonly IndexedArchive[]): readonly IndexedArchive[] {
  const distance = (other: IndexedArchive) =>
    Math.abs(Math.log((other.archive.size + 1) / (archive.size + 1)));
  return newest
    .filter((other) => other.archive.hash !== archive.hash)
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, MAX_REUSED_ARCHIVES);
}
