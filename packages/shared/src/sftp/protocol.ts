/** SFTP version 3, draft-ietf-secsh-filexfer-02: packet types, status codes, open flags, attribute flags. */
export const SFTP_VERSION = 3;

export const PACKET = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

export const STATUS = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  NO_CONNECTION: 6,
  CONNECTION_LOST: 7,
  OP_UNSUPPORTED: 8,
} as const;

export const OPEN_FLAG = { READ: 1, WRITE: 2, APPEND: 4, CREAT: 8, TRUNC: 16, EXCL: 32 } as const;

export const ATTR_FLAG = { SIZE: 1, UIDGID: 2, PERMISSIONS: 4, ACMODTIME: 8, EXTENDED: 0x80000000 } as const;

/** The largest packet we accept or send, its length field excluded: OpenSSH's own limit. */
export const MAX_PACKET = 256 * 1024;

/** The most data in one READ reply or WRITE: a packet less its headers, as OpenSSH computes it. */
export const MAX_DATA = MAX_PACKET - 1024;

/** OpenSSH's extension by which a client learns the server's limits (PROTOCOL section 4.8 of OpenSSH). */
export const LIMITS_EXTENSION = 'limits@openssh.com';

/** File attributes; a field is absent when its flag was. Times are seconds since the epoch. */
export interface Attrs {
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Type and permission bits as in st_mode. */
  readonly mode?: number;
  readonly atime?: number;
  readonly mtime?: number;
}

/** A directory entry in a NAME reply. */
export interface NameEntry {
  /** The name; our side sends UTF-8. */
  readonly filename: string;
  /** A line as `ls -l` prints it. */
  readonly longname: string;
  readonly attrs: Attrs;
}
