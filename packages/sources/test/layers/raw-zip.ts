import { crc32, deflateRawSync } from 'node:zlib';

/** A member of a zip file as a test wants it, sound or not. */
export interface RawMember {
  readonly name: string | Buffer;
  readonly content?: string | Uint8Array;
  /** Type and permissions of Unix; those of a file with 0644 when undefined. */
  readonly mode?: number;
  /** The program's system: 3 is Unix, 0 DOS. */
  readonly madeBy?: number;
  readonly flags?: number;
  readonly method?: number;
  /** What the directory says, where that differs from what is so. */
  readonly crc?: number;
  readonly size?: number;
}

/** 2026-07-03 10:20:30, in the form of DOS. */
const DOS_DATE = ((2026 - 1980) << 9) | (7 << 5) | 3;
const DOS_TIME = (10 << 11) | (20 << 5) | 15;

/** A zip file, byte by byte (PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16). */
export function rawZip(members: readonly RawMember[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const member of members) {
    const content = Buffer.from(member.content ?? '');
    const name = Buffer.from(member.name);
    const method = member.method ?? 8;
    const packed = method === 8 ? deflateRawSync(content) : content;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(member.flags ?? 0, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt16LE(DOS_TIME, 6);
    common.writeUInt16LE(DOS_DATE, 8);
    common.writeUInt32LE(member.crc ?? crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(member.size ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    files.push(Buffer.from('PK\x03\x04', 'latin1'), common, name, packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 6);
    rest.writeUInt32LE(at, 10);
    const madeBy = Buffer.from([20, member.madeBy ?? 3]);
    directory.push(Buffer.from('PK\x01\x02', 'latin1'), madeBy, common, rest, name);
    at += 4 + common.length + name.length + packed.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...files, listed, Buffer.from('PK\x05\x06', 'latin1'), end]);
}
