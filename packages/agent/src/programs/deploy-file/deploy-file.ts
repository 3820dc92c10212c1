import type { SyncStrategy } from '../../place/sync/sync-request.js';

/** A deployment as its file describes it, in stretcher's format (docs/manifest-deployments.md). */
export interface DeployFile {
  /** Undefined: there are commands only. */
  readonly archive: DeployFileArchive | undefined;
  readonly commands: DeployFileCommands;
  /** The same commands without their variables filled in; absent where that is not known. */
  readonly asWritten?: DeployFileCommands;
  /** The limit of each command, in milliseconds; undefined for none. */
  readonly commandTimeoutMs: number | undefined;
}

export interface Checksum {
  /** As node:crypto names it. */
  readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512';
  /** Lower case. */
  readonly hex: string;
  /** Whether collisions can be made, so that it finds damage, but not malice. */
  readonly isWeak: boolean;
}

export interface DeployFileArchive {
  /** A URL. */
  readonly src: string;
  /** An archive has a checksum, a signature or both. */
  readonly checksum: Checksum | undefined;
  /** URL of a detached SSH signature of the archive. */
  readonly signature: string | undefined;
  /** Absolute path. */
  readonly dest: string;
  readonly destMode: number;
  readonly excludes: readonly string[];
  /** A file inside the archive. */
  readonly excludeFrom: string | undefined;
  readonly strategy: SyncStrategy;
}

export const COMMAND_LISTS = ['pre', 'post', 'success', 'failure'] as const;

export type CommandList = (typeof COMMAND_LISTS)[number];

export type DeployFileCommands = Readonly<Record<CommandList, readonly string[]>>;
