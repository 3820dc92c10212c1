import type { SyncStrategy } from '../../place/sync/sync-request.js';
import type { Checksum } from './checksum.js';

/** What one deployment is to do; its file format is stretcher's (docs/manifest-deployments.md). */
export interface DeployFile {
  /** Undefined: there are commands only. */
  readonly archive: DeployFileArchive | undefined;
  readonly commands: DeployFileCommands;
  /** The same commands as they stand in the file, without what is filled in; absent where that is not known. */
  readonly asWritten?: DeployFileCommands;
  /** Of each command, in milliseconds; undefined for no limit. */
  readonly commandTimeoutMs: number | undefined;
}

export interface DeployFileArchive {
  /** Its URL. */
  readonly src: string;
  /** One of checksum and signature is there. */
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

/** Shell commands in their order. */
export type DeployFileCommands = Readonly<Record<CommandList, readonly string[]>>;
