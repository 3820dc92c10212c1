import type { ErrorKind } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion, Configuration, StoredBlob } from '@deploy-tools/shared/model.js';
import type { Author } from './author.js';
import type { FleetReader, FleetWriter } from './fleet-store.js';
import type { NoticeReader, NoticeWriter } from './notice-store.js';
import type { TrackReader, TrackWriter } from './track-store.js';

/** A revision of a configuration with its author. A revision without layers deleted the configuration. */
export interface Revision extends Configuration {
  readonly author: Author;
  /** The command line that made the revision. */
  readonly command: string;
}

/** A stored upload that no version names yet. */
export interface Upload {
  readonly hash: string;
  /** Fingerprint of the key that uploaded it. */
  readonly owner: string;
  readonly size: number;
  /** RFC 3339 UTC of the last upload. */
  readonly created: string;
}

/** The files that agents fetch for a layer. */
export type LayerFileKind = 'archive' | 'manifest' | 'pack';

/** The result of indexing an archive: see docs/manifest-and-pack.md. */
export type ArchiveIndex = IndexedArchive | RefusedArchive;

export interface IndexedArchive {
  readonly kind: 'indexed';
  readonly archive: StoredBlob;
  /** RFC 3339 UTC. */
  readonly made: string;
  readonly manifest: StoredBlob;
  readonly pack: StoredBlob;
  readonly entries: number;
  /** The sum of the sizes of all files. */
  readonly bytes: number;
}

/** An archive for which no manifest and pack were made, and the reason. */
export interface RefusedArchive {
  readonly kind: 'refused';
  readonly archive: StoredBlob;
  readonly made: string;
  readonly reason: { readonly kind: ErrorKind; readonly message: string; readonly hint: string | undefined };
}

/** A command that was run or refused, and its author. */
export interface AuditRecord extends Author {
  readonly time: string;
  /** The way by which the command came: `exec`, `console`, `sftp`, `track` or `report`. */
  readonly via: string;
  readonly command: string;
  /** The command's words after its name. */
  readonly args: readonly string[];
  /** Names of the components, configurations and hosts that the command was about. */
  readonly subjects: readonly string[];
  readonly changes: boolean;
  readonly result: 'ok' | 'failed' | 'refused';
  /** The error that was answered. */
  readonly error?: string | undefined;
  readonly durationMs: number;
}

/** All conditions must hold; absent ones always do. */
export interface AuditQuery {
  readonly subject?: string | undefined;
  /** A whole fingerprint, or a part of the comment. */
  readonly who?: string | undefined;
  readonly command?: string | undefined;
  /** RFC 3339 UTC, inclusive. */
  readonly since?: string | undefined;
  readonly failed?: boolean | undefined;
  readonly changes?: boolean | undefined;
  /** The most records, of which the newest are taken. */
  readonly limit: number;
}

/**
 * The reads of a transaction. Names are compared and sorted by their UTF-8 bytes; an unknown name gives undefined or
 * an empty list, never an error.
 */
export interface MetaReader {
  readonly fleet: FleetReader;
  readonly notices: NoticeReader;
  readonly tracks: TrackReader;
  version(component: string, version: string): Promise<ComponentVersion | undefined>;
  /** In the order in which they were added, whatever their times say. */
  versions(component: string): Promise<readonly ComponentVersion[]>;
  components(): Promise<readonly string[]>;
  /** Whether any version, of any component, names this archive. */
  isArchiveUsed(hash: string): Promise<boolean>;
  /** The versions with an archive, as `component:version`, and the configurations whose head has it; both in order. */
  archiveUsers(
    hash: string,
  ): Promise<{ readonly versions: readonly string[]; readonly configurations: readonly string[] }>;
  /** The head revision, or undefined when there is none or it is deleted. */
  configuration(name: string): Promise<Configuration | undefined>;
  configurations(): Promise<readonly string[]>;
  /** Oldest first, deletions included. @param limit the most revisions, of which the newest are taken; without it, all. */
  revisions(name: string, limit?: number): Promise<readonly Revision[]>;
  revision(name: string, number: number): Promise<Revision | undefined>;
  /** The last revision of that name, also when it deleted the configuration; undefined when there is none. */
  head(name: string): Promise<Revision | undefined>;
  /** Names of configurations whose head has a layer of this component (and version, when given). */
  configurationsUsing(component: string, version?: string): Promise<readonly string[]>;
  /**
   * Names of configurations that have a layer with this archive, or with the archive of this manifest or pack, in any
   * revision. Deleted configurations are included.
   */
  configurationsWith(kind: LayerFileKind, hash: string): Promise<readonly string[]>;
  /** The uploads of one owner, or of all; oldest first. */
  uploads(owner?: string): Promise<readonly Upload[]>;
  hasUpload(hash: string): Promise<boolean>;
  /** The index of the archive with this hash. */
  index(archive: string): Promise<ArchiveIndex | undefined>;
  /** By the hash of the archive. */
  indexes(): Promise<readonly ArchiveIndex[]>;
  /** Whether any index names a manifest or a pack with this hash. */
  isIndexFileUsed(hash: string): Promise<boolean>;
  /** For each component, the index of its newest version whose archive has a manifest. */
  newestIndexed(): Promise<readonly IndexedArchive[]>;
  /** Hashes that versions or heads name, each once: those of heads first, then the newest first. */
  archivesByUse(): Promise<readonly string[]>;
  /** The records that fit the query, oldest first. */
  audit(query: AuditQuery): Promise<readonly AuditRecord[]>;
}

/** The writes of a transaction, which sees its own writes. */
export interface MetaWriter extends MetaReader {
  readonly fleet: FleetWriter;
  readonly notices: NoticeWriter;
  readonly tracks: TrackWriter;
  /** @throws DeployError exists when the component has that version. */
  insertVersion(version: ComponentVersion): Promise<void>;
  /** Deleting what is not there does nothing. */
  deleteVersion(component: string, version: string): Promise<void>;
  /**
   * Appends a revision and makes it the head; empty layers delete the configuration. `number` must be the last number
   * of that name plus one, also after a deletion.
   * @throws DeployError conflict otherwise.
   */
  appendRevision(revision: Revision): Promise<void>;
  /** The number of the last revision of that name, deleted or not; 0 when there is none. */
  lastRevision(name: string): Promise<number>;
  /** Inserts an upload or renews its time. */
  putUpload(upload: Upload): Promise<void>;
  /** Deletes the uploads of all owners with this hash. */
  deleteUpload(hash: string): Promise<void>;
  /** Inserts an index or replaces the index of that archive. */
  putIndex(index: ArchiveIndex): Promise<void>;
  /** Deleting what is not there does nothing. */
  deleteIndex(archive: string): Promise<void>;
  appendAudit(record: AuditRecord): Promise<void>;
  /** @returns how many were deleted. */
  deleteAuditBefore(time: string): Promise<number>;
}

/**
 * The store of names, revisions, reports and the audit log. The contract is test/contract/meta-store-contract.ts.
 *
 * - `read` runs on one consistent snapshot, and sees every write that was resolved before it began.
 * - `write` transactions run one after another. All of one takes effect, durably, when its promise resolves; nothing
 *   does when `work` throws, and the error passes through.
 * - Driver errors arrive as DeployError: exists, conflict, no-space, locked, corrupt, internal.
 */
export interface MetaStore {
  read<T>(work: (tx: MetaReader) => Promise<T>): Promise<T>;
  write<T>(work: (tx: MetaWriter) => Promise<T>): Promise<T>;
  /** Returns some of the space of deleted records to the disk, where the store can. @returns whether there is more. */
  shrink(): Promise<boolean>;
  /** Waits for the running transaction; later calls are rejected. */
  close(): Promise<void>;
}
