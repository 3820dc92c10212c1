/**
 * A name as an archive and the file system hold it: bytes, in no particular encoding. Kept as a string with one
 * character (U+0000 to U+00FF) per byte, so that names which are not UTF-8 survive and names compare as bytes do.
 */
export type ByteName = string;

/** The bytes of ordinary text, such as a path given by the caller. */
export function byteName(text: string): ByteName {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** A path for `node:fs`: the text itself where it is ASCII, else its bytes. */
export function fsPath(name: ByteName): string | Buffer {
  return isAscii(name) ? name : Buffer.from(name, 'latin1');
}

const SHOWN_CHARACTERS = 200;
const NOT_ASCII = /[^\0-\x7f]/;

/**
 * A name in double quotes, for a message: read as UTF-8, control characters escaped, the middle of an overlong name
 * left out. Never breaks a line or a terminal.
 */
export function showName(name: ByteName): string {
  const text =
    name.length <= SHOWN_CHARACTERS
      ? decode(name)
      : `${decode(name.slice(0, SHOWN_CHARACTERS / 2))}…${decode(name.slice(-SHOWN_CHARACTERS / 2))}`;
  const escaped = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"\\]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return character === '"' || character === '\\' ? `\\${character}` : `\\u{${code.toString(16)}}`;
  });
  return `"${escaped}"`;
}

function decode(name: ByteName): string {
  return isAscii(name) ? name : Buffer.from(name, 'latin1').toString('utf8');
}

function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}
