import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Ingested, IngestTask, LayerFiles } from '../ingest/layer-port.js';
import type { ByteStore, LocatedFile } from '../layers/byte-store.js';
import type { DerivedKind, DerivedStore } from '../layers/derived-store.js';
import type { ReadMarks } from '../layers/read-marks.js';
import type { ArchiveIndex, IndexedArchive, MetaStore, StoredBlob } from '../meta/meta-store.js';
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

/** Paths that the files are written to before they have a hash. */
type Drafts = Readonly<Record<DerivedKind, string>>;

/** Times that the process may end while it reads an archive, for any reason, before the archive is refused. */
const MAX_CUT_OFF = 3;
/** Archives that a new one is compared with: each costs reading its manifest. */
const MAX_REUSED_ARCHIVES = 2;

/**
 * Errors that are the archive's fault, and would come again. An archive with `unsupported` was read to its end and is
 * safe: see ingest/layer-tasks.ts.
 */
const REFUSALS: readonly ErrorKind[] = ['invalid', 'corrupt', 'unsafe', 'too-large', 'unsupported'];

/**
 * Reads an archive or a sealed upload through, and stores its manifest and pack, or why it is refused. The files get
 * their names in the transaction that writes the row, because housekeeping removes them in transactions too.
 * @returns what is stored. @throws DeployError not-found, no-space, cancelled, internal: nothing is stored then.
 */
export async function indexArchive(
  stores: IndexStores,
  hash: string,
  signal: AbortSignal,
): Promise<ArchiveIndex> {
  return new ArchiveReading(stores, hash, signal).run();
}

/** One archive that is being read and indexed. */
class ArchiveReading {
  readonly #stores: IndexStores;
  readonly #hash: string;
  readonly #signal: AbortSignal;
  readonly #drafts: Drafts;

  constructor(stores: IndexStores, hash: string, signal: AbortSignal) {
    this.#stores = stores;
    this.#hash = hash;
    this.#signal = signal;
    const { derived } = stores;
    this.#drafts = { manifest: derived.draft('manifest'), pack: derived.draft('pack') };
  }

  async run(): Promise<ArchiveIndex> {
    const { bytes, derived, minFree } = this.#stores;
    const { path, size } = await locate(bytes, this.#hash);
    // A pack takes about as much as its archive, and while it is made twice that.
    const purpose = `to index an archive of ${formatByteSize(size)}`;
    await requireSpace(bytes, minFree, { bytes: 2 * size, purpose });
    try {
      return await this.#store(await this.#readMarked(path, size));
    } finally {
      for (const draft of Object.values(this.#drafts)) await derived.discard(draft);
    }
  }

  /** Reads the archive, unless reading it has ended the registry's process several times. */
  async #readMarked(path: string, size: number): Promise<ArchiveIndex> {
    const { marks, clock } = this.#stores;
    const hash = this.#hash;
    const cutOff = await marks.begin(hash);
    if (cutOff >= MAX_CUT_OFF) {
      const reason = {
        kind: 'too-large',
        message: `the registry ended ${cutOff} times while it read this archive, which is not read again within a day`,
        hint: 'look into the log of the service for why it ended; most likely it had too little memory',
      } as const;
      return { kind: 'refused', archive: { hash, size }, made: timestamp(clock), reason };
    }
    try {
      return await this.#read(path, { hash, size });
    } finally {
      await marks.end(hash);
    }
  }

  async #read(path: string, archive: StoredBlob): Promise<ArchiveIndex> {
    const { bytes, clock, ingest, log, policy } = this.#stores;
    const reuse = await reusable(this.#stores, archive);
    try {
      const task = { archive: path, ...archive, policy, reuse, into: this.#drafts };
      const { manifest, pack, notes, ...sums } = await ingest(task, this.#signal);
      for (const note of notes) log.warn({ hash: archive.hash }, note);
      return {
        kind: 'indexed',
        archive,
        made: timestamp(clock),
        manifest,
        pack,
        entries: sums.entries,
        bytes: sums.bytes,
      };
    } catch (thrown) {
      const { kind, message, hint } = toDeployError(thrown);
      if (kind === 'no-space') throw diskFull(bytes.place, thrown);
      if (!REFUSALS.includes(kind)) throw thrown;
      return { kind: 'refused', archive, made: timestamp(clock), reason: { kind, message, hint } };
    }
  }

  async #store(index: ArchiveIndex): Promise<ArchiveIndex> {
    const { meta, bytes, derived } = this.#stores;
    return meta.write(async (tx) => {
      await locate(bytes, index.archive.hash); // removed meanwhile: there is nothing to keep
      if (index.kind === 'indexed') {
        await derived.put('pack', index.pack.hash, this.#drafts.pack);
        await derived.put('manifest', index.manifest.hash, this.#drafts.manifest);
      }
      await tx.putIndex(index);
      return index;
    });
  }
}

/** Whether the manifest and the pack of an index are stored, by their sizes; fsck reads the contents. */
export async function isIndexStored(derived: DerivedStore, index: IndexedArchive): Promise<boolean> {
  const manifest = await derived.stat('manifest', index.manifest.hash);
  const pack = await derived.stat('pack', index.pack.hash);
  return manifest?.size === index.manifest.size && pack?.size === index.pack.size;
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

/** The files of archives that a new one is likely to share content with. */
async function reusable({ meta, derived }: IndexStores, archive: StoredBlob): Promise<LayerFiles[]> {
  const newest = await meta.read((tx) => tx.newestIndexed());
  const files: LayerFiles[] = [];
  for (const index of chooseReuse(archive, newest)) {
    if (!(await isIndexStored(derived, index))) continue; // to be indexed again, as after a restore
    files.push({
      manifest: derived.locate('manifest', index.manifest.hash),
      pack: derived.locate('pack', index.pack.hash),
    });
  }
  return files;
}

/** By size: the component of an upload is not known before addver, but an update is about as large as what it updates. */
function chooseReuse(archive: StoredBlob, newest: readonly IndexedArchive[]): readonly IndexedArchive[] {
  const distance = (other: IndexedArchive) =>
    Math.abs(Math.log((other.archive.size + 1) / (archive.size + 1)));
  return newest
    .filter((other) => other.archive.hash !== archive.hash)
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, MAX_REUSED_ARCHIVES);
}
