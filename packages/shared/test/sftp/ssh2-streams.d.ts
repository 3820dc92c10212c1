/** The part of ssh2-streams that the tests use as a second SFTP implementation; it ships no types. */
declare module 'ssh2-streams' {
  import type { Transform } from 'node:stream';

  export interface Ssh2Attrs {
    readonly size?: number;
    readonly uid?: number;
    readonly gid?: number;
    readonly mode?: number;
    readonly atime?: number;
    readonly mtime?: number;
  }

  export interface Ssh2Name {
    readonly filename: string;
    readonly longname: string;
    readonly attrs: Ssh2Attrs;
  }

  type Done<T = void> = (error: (Error & { readonly code?: number }) | null | undefined, value: T) => void;

  export interface Ssh2Streams {
    readonly SFTPStream: new (config?: { readonly server?: boolean }) => SftpStream;
  }

  /** Both ends: requests are events of a server, and methods with a callback of a client. */
  export interface SftpStream extends Transform {
    status(id: number, code: number, message?: string): boolean;
    handle(id: number, handle: Buffer): boolean;
    data(id: number, data: Buffer): boolean;
    name(id: number, names: readonly Ssh2Name[]): boolean;
    attrs(id: number, attrs: Ssh2Attrs): boolean;

    open(path: string, flags: string, attrs: Ssh2Attrs, done: Done<Buffer>): boolean;
    close(handle: Buffer, done: Done): boolean;
    readData(
      handle: Buffer,
      target: Buffer,
      offset: number,
      length: number,
      position: number,
      done: (error: (Error & { readonly code?: number }) | null | undefined, bytes: number) => void,
    ): boolean;
    writeData(
      handle: Buffer,
      data: Buffer,
      offset: number,
      length: number,
      position: number,
      done: Done,
    ): boolean;
    fstat(handle: Buffer, done: Done<Ssh2Attrs>): boolean;
    stat(path: string, done: Done<Ssh2Attrs>): boolean;
    lstat(path: string, done: Done<Ssh2Attrs>): boolean;
    opendir(path: string, done: Done<Buffer>): boolean;
    readdir(where: string | Buffer, done: Done<readonly Ssh2Name[]>): boolean;
    realpath(path: string, done: Done<string>): boolean;
    unlink(path: string, done: Done): boolean;
    mkdir(path: string, attrs: Ssh2Attrs, done: Done): boolean;
    rename(from: string, to: string, done: Done): boolean;
    setstat(path: string, attrs: Ssh2Attrs, done: Done): boolean;
    fsetstat(handle: Buffer, attrs: Ssh2Attrs, done: Done): boolean;
  }
}
