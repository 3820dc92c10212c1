/** The checksum of an artifact by a file beside it. */
export interface ListedChecksum {
  readonly algorithm: 'sha256' | 'sha512';
  /** Lower case. */
  readonly hex: string;
}

const GNU_LINE = /^\\?([0-9a-f]{128}|[0-9a-f]{64})(?:\s+\*?(\S.*))?$/i;
const BSD_LINE = /^SHA(?:256|512)\s*\((.+)\)\s*=\s*([0-9a-f]{128}|[0-9a-f]{64})$/i;

/**
 * Reads an artifact's checksums in a file: lines of sha256sum(1) and sha512sum(1), with or without `--tag`, or the checksum
 * alone. Other lines (md5, comments) are ignored.
 * @param own whether the file belongs to the artifact (`<artifact>.sha256`): a single line counts under any name, since
 *   builds often make it under another.
 */
export function parseChecksums(text: string, artifact: string, own: boolean): ListedChecksum[] {
  const lines = text.split(/\r?\n/).flatMap((line) => parseLine(line.trim()));
  const [only] = lines;
  if (own && only !== undefined && lines.length === 1) return [only.checksum];
  return lines.filter(({ name }) => name?.split('/').at(-1) === artifact).map(({ checksum }) => checksum);
}

interface Line {
  readonly name: string | undefined;
  readonly checksum: ListedChecksum;
}

function parseLine(line: string): Line[] {
  const gnu = GNU_LINE.exec(line);
  if (gnu?.[1] !== undefined) return [{ name: gnu[2], checksum: checksumOf(gnu[1]) }];
  const bsd = BSD_LINE.exec(line);
  return bsd?.[2] === undefined ? [] : [{ name: bsd[1], checksum: checksumOf(bsd[2]) }];
}

function checksumOf(hex: string): ListedChecksum {
  return { algorithm: hex.length === 64 ? 'sha256' : 'sha512', hex: hex.toLowerCase() };
}
