import { isPlatformWord } from './platform.js';

/**
 * The kind of an artifact by its name: an archive, a single file, or something that is not deployed (checksums, signatures,
 * packages of a distribution, a record of a deployment).
 */
type ArtifactFormat = ArchiveName | 'file' | 'other';

export type ArchiveName = 'tar.zst' | 'tar.gz' | 'tar.xz' | 'tar.bz2' | 'tar' | 'zip';

/** In the order of preference: archives that are not repacked first, zip last since it may lack modes. */
export const ARCHIVE_NAMES: readonly ArchiveName[] = ['tar.zst', 'tar.gz', 'tar.xz', 'tar.bz2', 'tar', 'zip'];

const SUFFIXES: readonly (readonly [string, ArchiveName])[] = [
  ['.tar.zst', 'tar.zst'],
  ['.tzst', 'tar.zst'],
  ['.tar.gz', 'tar.gz'],
  ['.tgz', 'tar.gz'],
  ['.tar.xz', 'tar.xz'],
  ['.txz', 'tar.xz'],
  ['.tar.bz2', 'tar.bz2'],
  ['.tbz2', 'tar.bz2'],
  ['.tbz', 'tar.bz2'],
  ['.tar', 'tar'],
  ['.zip', 'zip'],
];

/** A file of dewy beside the artifacts of a deployed release. */
const SHIPPING_RECORD = /^shipped_to_.*\.txt$/i;

/** The kind of an artifact by its name. */
export function artifactFormat(name: string): ArtifactFormat {
  const lower = name.toLowerCase();
  const archive = SUFFIXES.find(([suffix]) => lower.endsWith(suffix) && lower.length > suffix.length);
  if (archive !== undefined) return archive[1];
  if (SHIPPING_RECORD.test(name) || isChecksumFile(name)) return 'other';
  const extension = /\.([a-z][a-z0-9]{0,11})$/.exec(lower)?.[1];
  return extension === undefined || isPlatformWord(extension) ? 'file' : 'other';
}

const CHECKSUM_LIST = /(^|[^a-z0-9])(checksums?|(sha256|sha512)(sums?)?)(\.txt)?$/i;
const CHECKSUM_SUFFIX = /\.(sha256|sha512)(sum)?$/i;

/** Whether a file holds checksums by its name: `checksums.txt`, `app_1.2_checksums.txt`, `SHA256SUMS`, `x.sha256`. */
function isChecksumFile(name: string): boolean {
  return CHECKSUM_SUFFIX.test(name) || CHECKSUM_LIST.test(name);
}

/** The files of a release that may hold an artifact's checksum, by their names: its own (`<artifact>.sha256`) before lists. */
export function checksumFilesOf(artifact: string, names: readonly string[]): string[] {
  const own = names.filter(
    (name) => CHECKSUM_SUFFIX.test(name) && name.replace(CHECKSUM_SUFFIX, '') === artifact,
  );
  const lists = names.filter((name) => !CHECKSUM_SUFFIX.test(name) && CHECKSUM_LIST.test(name));
  return [...own.sort(), ...lists.sort()];
}
