import type { NoticeError } from './notice.js';

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
/** Seven or more hex digits with a digit among them: "defaced" is a word. */
const HASH = /\b(?=[a-f]*\d)[0-9a-f]{7,}\b/gi;
const NUMBER = /\d+(?:[.:,]\d+)*/g;
const LONGEST = 300;

/**
 * What makes two errors the same: kind and message, where hashes, ids and numbers (sizes, times, ports, addresses, exit
 * statuses) are not looked at, nor is the amount of white space.
 */
export function errorSignature({ kind, message }: NoticeError): string {
  const gist = message
    .slice(0, 4 * LONGEST)
    .replace(UUID, '#')
    .replace(HASH, '#')
    .replace(NUMBER, '#');
  return `${kind}: ${gist.replace(/\s+/g, ' ').trim().slice(0, LONGEST)}`;
}
