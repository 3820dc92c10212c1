import { Header, type HeaderData, Pax } from 'tar';

const BLOCK = 512;

/** What stands at the end of an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

/** What an entry of ours says about itself; owner and group are always 0, names of them are never written. */
export interface TarEntryHeader {
  /** UTF-8, `/` between parts, at the end of a directory's. */
  readonly path: string;
  readonly type: 'File' | 'Directory' | 'SymbolicLink' | 'Link';
  /** Permission bits. */
  readonly mode: number;
  /** Bytes of content that follow. */
  readonly size: number;
  /** Kept to the second, so that no field depends on the file system it came from. */
  readonly mtime: Date;
  readonly linkpath?: string;
}

/** The blocks before an entry's content: a POSIX ustar header, with pax records where a field does not fit. */
export function tarHeader(entry: TarEntryHeader): Buffer {
  const data: HeaderData = {
    ...entry,
    mtime: new Date(Math.floor(entry.mtime.getTime() / 1000) * 1000),
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
  };
  const header = new Header(data);
  header.encode();
  const block = header.block ?? Buffer.alloc(BLOCK);
  if (!header.needPax) return block;
  const pax = new Pax({
    path: entry.path,
    size: entry.size,
    ...(entry.linkpath === undefined ? {} : { linkpath: entry.linkpath }),
  });
  return Buffer.concat([pax.encode(), block]);
}

/** The zeros that fill the last block of `size` bytes of content. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}
