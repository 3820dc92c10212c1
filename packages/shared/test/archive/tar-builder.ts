/** Writes tar headers by hand, so that tests can say what no honest program would. */
export interface RawEntry {
  readonly name: string;
  /** Type flag; `0` when not given. */
  readonly flag?: string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly mtime?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly content?: string | Uint8Array;
  /** The size field as it stands in the header; the content's length when not given. */
  readonly size?: number | Buffer;
  readonly magic?: string;
  readonly prefix?: string;
  readonly devMajor?: number;
  readonly devMinor?: number;
}

export const END_OF_ARCHIVE = Buffer.alloc(1024);

/** A whole archive. */
export function tarOf(entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.map(memberOf), END_OF_ARCHIVE]);
}

/** One header and its content, padded. Names are written as UTF-8; `name` may be given as latin1 in a Buffer's stead. */
export function memberOf(entry: RawEntry): Buffer {
  const content =
    typeof entry.content === 'string' ? Buffer.from(entry.content) : (entry.content ?? Buffer.alloc(0));
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([headerOf(entry, content.length), content, padding]);
}

export function headerOf(entry: RawEntry, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(entry.name, 0, 100, 'latin1');
  octal(block, 100, 8, entry.mode ?? 0o644);
  octal(block, 108, 8, entry.uid ?? 0);
  octal(block, 116, 8, entry.gid ?? 0);
  if (Buffer.isBuffer(entry.size)) entry.size.copy(block, 124);
  else octal(block, 124, 12, entry.size ?? size);
  octal(block, 136, 12, entry.mtime ?? 1_500_000_000);
  block.write(entry.flag ?? '0', 156, 1, 'latin1');
  block.write(entry.linkName ?? '', 157, 100, 'latin1');
  block.write(entry.magic ?? 'ustar\x0000', 257, 8, 'latin1');
  if (entry.devMajor !== undefined) octal(block, 329, 8, entry.devMajor);
  if (entry.devMinor !== undefined) octal(block, 337, 8, entry.devMinor);
  block.write(entry.prefix ?? '', 345, 155, 'latin1');
  return sealed(block);
}

/** Puts the right checksum into a header. */
export function sealed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A pax extended header: for the next member, or with flag `g` for all that follow. */
export function paxOf(records: Readonly<Record<string, string>>, flag: 'x' | 'g' = 'x'): Buffer {
  const body = Object.entries(records).map(([keyword, value]) => paxRecord(keyword, value));
  return memberOf({ name: 'PaxHeaders/x', flag, content: Buffer.from(body.join(''), 'latin1') });
}

export function paxRecord(keyword: string, value: string): string {
  const rest = ` ${keyword}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** A GNU long name (`L`) or long link target (`K`) for the next member. */
export function gnuLong(flag: 'L' | 'K', name: string): Buffer {
  return memberOf({
    name: '././@LongLink',
    flag,
    magic: 'ustar  \0',
    content: Buffer.from(`${name}\0`, 'latin1'),
  });
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length, 'latin1');
}
