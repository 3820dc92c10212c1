import type { ErrorKind } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion, Configuration } from '@deploy-tools/shared/model.js';
import type { Author } from './author.js';
import type { FleetReader, FleetWriter } from './fleet-store.js';
import type { NoticeReader, NoticeWriter } from './notice-store.js';
import type { TrackReader, TrackWriter } from './track-store.js';

/** One revision of a configuration, as history keeps it. A revision without layers deleted the configuration. */
export interface Revision extends Configuration {
  readonly author: Author;
  /** The command line that made it. */
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

/** A file of the byte store: lower-case hex SHA-256 and bytes. */
export interface StoredBlob {
  readonly hash: string;
  readonly size: number;
}

/** The files that agents fetch for a layer. */
export type LayerFileKind = 'archive' | 'manifest' | 'pack';

/** The result of reading an archive through: see docs/manifest-and-pack.md. */
export type ArchiveIndex = IndexedArchive | RefusedArchive;

export interface IndexedArchive {
  readonly kind: 'indexed';
  /** Of the archive that it is about. */
  readonly archive: StoredBlob;
  /** RFC 3339 UTC. */
  readonly made: string;
  readonly manifest: StoredBlob;
  readonly pack: StoredBlob;
  readonly entries: number;
  /** Of the contents of all files. */
  readonly bytes: number;
}

/** An archive that has neither manifest nor pack, and why. */
export interface RefusedArchive {
  readonly kind: 'refused';
  readonly archive: StoredBlob;
  readonly made: string;
  readonly reason: { readonly kind: ErrorKind; readonly message: string; readonly hint: string | undefined };
}

export type AuditResult = 'ok' | 'failed' | 'refused';

/** One command that was run or refused. */
export interface AuditRecord {
  readonly time: string;
  readonly fingerprint: string;
  readonly comment: string;
  readonly user: string;
  readonly address: string;
  /** How it came: `exec`, `console` or `sftp`. */
  readonly via: string;
  readonly command: string;
  /** The command's words after its name, as parsed. */
  readonly args: readonly string[];
  /** Names of components and configurations that it was about, for searching. */
  readonly subjects: readonly string[];
  readonly changes: boolean;
  readonly result: AuditResult;
  /** What was answered when it did not succeed. */
  readonly error?: string;
  readonly durationMs: number;
}

/** All conditions must hold; absent ones always do. */
export interface AuditQuery {
  readonly subject?: string;
  /** A whole fingerprint, or a part of the comment. */
  readonly who?: string;
  readonly command?: string;
  /** RFC 3339 UTC, inclusive. */
  readonly since?: string;
  readonly failed?: boolean;
  readonly changes?: boolean;
  /** The newest this many. */
  readonly limit: number;
}

/**
 * What a transaction can see. Names are compared and sorted by their UTF-8 bytes; an unknown name gives undefined or
 * an empty list, never an error.
 */
export interface MetaReader {
  /** What hosts reported. */
  readonly fleet: FleetReader;
  /** Receivers of notices, and what they were notified of. */
  readonly notices: NoticeReader;
  /** Sources that are followed. */
  readonly tracks: TrackReader;
  version(component: string, version: string): Promise<ComponentVersion | undefined>;
  /** In the order in which they were added, whatever their times say. */
  versions(component: string): Promise<readonly ComponentVersion[]>;
  components(): Promise<readonly string[]>;
  /** Whether any version, of any component, names this archive. */
  isArchiveUsed(hash: string): Promise<boolean>;
  /** The versions, as `component:version`, and the configurations whose head has it; both in order. */
  archiveUsers(
    hash: string,
  ): Promise<{ readonly versions: readonly string[]; readonly configurations: readonly string[] }>;
  /** The head revision, or undefined when there is none or it is deleted. */
  configuration(name: string): Promise<Configuration | undefined>;
  configurations(): Promise<readonly string[]>;
  /** Oldest first, deleting ones included. @param limit the newest this many; without it, all. */
  revisions(name: string, limit?: number): Promise<readonly Revision[]>;
  revision(name: string, number: number): Promise<Revision | undefined>;
  /** The last revision of that name, also when it deleted the configuration; undefined when there is none. */
  head(name: string): Promise<Revision | undefined>;
  /** Names of configurations whose head has a layer of this component (and version, when given). */
  configurationsUsing(component: string, version?: string): Promise<readonly string[]>;
  /**
   * Names of configurations of which any revision, and be it of a deleted one, has a layer with this archive, or with
   * an archive that this manifest or pack was made of.
   */
  configurationsWith(kind: LayerFileKind, hash: string): Promise<readonly string[]>;
  /** Of one owner, or of all; oldest first. */
  uploads(owner?: string): Promise<readonly Upload[]>;
  hasUpload(hash: string): Promise<boolean>;
  /** The index of the archive with this hash. */
  index(archive: string): Promise<ArchiveIndex | undefined>;
  /** By the hash of the archive. */
  indexes(): Promise<readonly ArchiveIndex[]>;
  /** Whether any index names a manifest or a pack with this hash. */
  isIndexFileUsed(hash: string): Promise<boolean>;
  /** Of each component the newest version whose archive has a manifest. */
  newestIndexed(): Promise<readonly IndexedArchive[]>;
  /** Hashes that versions or heads name, each once: those of heads first, then newest first. */
  archivesByUse(): Promise<readonly string[]>;
  /** Oldest of the chosen first. */
  audit(query: AuditQuery): Promise<readonly AuditRecord[]>;
}

/** What a writing transaction can do in addition. It sees its own writes. */
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
  /** Inserts it or renews its time. */
  putUpload(upload: Upload): Promise<void>;
  /** Of all owners. */
  deleteUpload(hash: string): Promise<void>;
  /** Inserts it or replaces the index of that archive. */
  putIndex(index: ArchiveIndex): Promise<void>;
  /** Deleting what is not there does nothing. */
  deleteIndex(archive: string): Promise<void>;
  appendAudit(record: AuditRecord): Promise<void>;
  /** @returns how many were deleted. */
  deleteAuditBefore(time: string): Promise<number>;
}

/**
 * Where names, revisions and the audit log live. The contract is test/contract/meta-store-contract.ts.
 *
 * - `read` runs on one consistent snapshot, and sees every write that was resolved before it began.
 * - `write` transactions run one after another. All of one takes effect, durably, when its promise resolves; nothing
 *   does when `work` throws, and the error passes through.
 * - Driver errors arrive as DeployError: exists, conflict, no-space, locked, corrupt, internal.
 */
export interface MetaStore {
  read<T>(work: (tx: MetaReader) => Promise<T>): Promise<T>;
  write<T>(work: (tx: MetaWriter) => Promise<T>): Promise<T>;
  /**
   * Gives some of the room that deleted records left back to the disk, where the store can, between two writes.
   * @returns whether there is more to give back.
   */
  shrink(): Promise<boolean>;
  /** Waits for the running transaction; later calls are rejected. */
  close(): Promise<void>;
}
