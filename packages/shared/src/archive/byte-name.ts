/**
 * A name in an archive or the file system: bytes in no particular encoding. It is a string with one character (U+0000 to U+00FF)
 * per byte, so that names which are not UTF-8 survive, and names compare as bytes do.
 */
export type ByteName = string;

/** Converts ordinary text to a name. */
export function byteName(text: string): ByteName {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Converts a name to a path for `node:fs`: the text itself where it is ASCII, else its bytes. */
export function fsPath(name: ByteName): string | Buffer {
  return isAscii(name) ? name : Buffer.from(name, 'latin1');
}

const SHOWN_CHARACTERS = 200;
const NOT_ASCII = /[^\0-\x7f]/;

/**
 * Formats a name for a message: as UTF-8 in double quotes, control characters escaped, without the middle of an overlong name. It
 * never breaks a line or a terminal.
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
