import type { NoticeError } from './notice.js';

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
/** Seven or more hex digits with a digit among them: "defaced" is a word. */
const HASH = /\b(?=[a-f]*\d)[0-9a-f]{7,}\b/gi;
const NUMBER = /\d+(?:[.:,]\d+)*/g;
const LONGEST = 300;

/**
 * The kind and the message of an error in a form that is equal for equal causes: hashes, ids and numbers (sizes, times, ports,
 * addresses, exit statuses) are replaced, and white space is folded.
 */
export function errorSignature({ kind, message }: NoticeError): string {
  const gist = message
    .slice(0, 4 * LONGEST)
    .replace(UUID, '#')
    .replace(HASH, '#')
    .replace(NUMBER, '#');
  return `${kind}: ${gist.replace(/\s+/g, ' ').trim().slice(0, LONGEST)}`;
}
