const LONGEST_CHANGE = 64;
const LONGEST_INSERTION = 200;

/**
 * What an afternoon's work does to a file: in one to three places in its middle some bytes are others, and a piece is
 * put in.
 * @param next random numbers from 0 to 1.
 */
export function edited(content, next) {
  let bytes = content;
  for (let edits = 1 + Math.floor(next() * 3); edits > 0; edits--) {
    const at = Math.floor(bytes.length * (0.2 + 0.6 * next()));
    const replaced = Math.min(bytes.length - at, Math.floor(next() * LONGEST_CHANGE));
    const piece = piecesOf(bytes, replaced + 1 + Math.floor(next() * LONGEST_INSERTION), next);
    bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + replaced)]);
  }
  return bytes;
}

/** New bytes in the file's own letters: short runs from all over it. */
function piecesOf(bytes, length, next) {
  const piece = Buffer.alloc(length, '\n');
  for (let at = 0; at < length && bytes.length > 0; ) {
    const from = Math.floor(next() * bytes.length);
    at += Math.max(1, bytes.copy(piece, at, from, from + 1 + Math.floor(next() * 8)));
  }
  return piece;
}
