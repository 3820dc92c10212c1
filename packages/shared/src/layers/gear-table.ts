import { hash } from 'node:crypto';

/**
 * The table of the rolling hash that cuts large files: for each byte value the first four bytes, big endian, of the
 * SHA-256 of that one byte. Part of the format.
 */
export function gearTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, value) =>
    Buffer.from(hash('sha256', Buffer.of(value)), 'hex').readInt32BE(0),
  );
}
