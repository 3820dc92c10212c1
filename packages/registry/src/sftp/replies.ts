import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { type Attrs, MAX_DATA, type NameEntry, PACKET, STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import { nameEntry } from './listing.js';
import type { ListedFile } from './sftp-files.js';

/** A STATUS packet: request id, SSH_FX_* code, text for people. */
export function statusReply(id: number, code: number, text: string): Buffer {
  return new PacketWriter(PACKET.STATUS).uint32(id).uint32(code).string(text).string('en').finish();
}

/** Bytes of entries in one NAME reply: every client accepts packets of 34000 bytes (section 3 of the draft). */
const NAME_REPLY_BYTES = 32_000;
/** Lengths and attributes of an entry, besides its two strings. */
const NAME_ENTRY_BYTES = 48;
/** A READ without its handle: type, id, handle length, offset, length. */
const READ_FIELDS = 21;

/** The approximate length of the reply to a request. */
export function replyBytes(packet: Buffer): number {
  if (packet[0] === PACKET.READ) return wantedBytes(packet);
  return packet[0] === PACKET.READDIR ? NAME_REPLY_BYTES : 0;
}

/** The length that a READ requests. Bytes without a meaning may follow it. */
function wantedBytes(packet: Buffer): number {
  const length = READ_FIELDS + (packet.length >= READ_FIELDS ? packet.readUInt32BE(5) : 0);
  return packet.length >= length ? Math.min(packet.readUInt32BE(length - 4), MAX_DATA) : 0;
}

/** The entries from `at` on that one reply holds. */
export function fittingEntries(files: readonly ListedFile[], at: number): readonly NameEntry[] {
  const entries: NameEntry[] = [];
  let bytes = 0;
  for (let file = files[at]; file !== undefined; file = files[at + entries.length]) {
    const entry = nameEntry(file.filename, file.attrs);
    bytes += NAME_ENTRY_BYTES + Buffer.byteLength(entry.filename) + Buffer.byteLength(entry.longname);
    if (bytes > NAME_REPLY_BYTES && entries.length > 0) break;
    entries.push(entry);
  }
  return entries;
}

export function ok(id: number): Buffer {
  return statusReply(id, STATUS.OK, '');
}

export function attrsReply(id: number, attrs: Attrs): Buffer {
  return new PacketWriter(PACKET.ATTRS).uint32(id).attrs(attrs).finish();
}

export function namesReply(id: number, entries: readonly NameEntry[]): Buffer {
  const reply = new PacketWriter(PACKET.NAME, 4096).uint32(id).uint32(entries.length);
  for (const entry of entries) reply.nameEntry(entry);
  return reply.finish();
}
