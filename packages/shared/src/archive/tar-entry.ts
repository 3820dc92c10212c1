import type { ByteName } from './byte-name.js';

export type TarEntryType =
  | 'file'
  | 'hardlink'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'directory'
  | 'fifo';

/** One member of an archive. Nothing in it has been checked for safety. */
export interface TarEntry {
  readonly type: TarEntryType;
  readonly name: ByteName;
  /** Target of a symlink, or the member that a hard link names; else empty. */
  readonly linkName: ByteName;
  /** Permission, setuid, setgid and sticky bits: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow; 0 except for files. */
  readonly size: number;
  /** Whole seconds since 1970, rounded down; negative before. */
  readonly mtimeSeconds: number;
  /** 0 to 999,999,999, to be added to the seconds. */
  readonly mtimeNanoseconds: number;
  /** Device numbers; 0 except for devices. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}
