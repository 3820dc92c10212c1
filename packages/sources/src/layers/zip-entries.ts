import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type ByteName, byteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import { DeployError, isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from 'yauzl';

/** A member of a zip file, as an entry of a tar file. */
interface ZipMember {
  readonly entry: TarEntry;
  /** Reads the content of a file. */
  readonly read: () => AsyncIterable<Uint8Array>;
}

const MADE_BY_DOS = [0, 10, 11];
const MADE_BY_UNIX = [3, 19];
const TYPE_BITS = 0o170000;
const TYPES: ReadonlyMap<number, TarEntry['type']> = new Map([
  [0, 'file'],
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
]);
const MAX_TARGET_BYTES = 4095;
const DEFAULT_FILE_MODE = 0o644;
const DEFAULT_DIRECTORY_MODE = 0o755;

/**
 * Reads the members of a zip file in the order of its directory, unchecked. Only zip files made on Unix have modes and
 * symlinks; times are UTC.
 * @throws DeployError corrupt, invalid: encrypted, or compressed by an unsupported method.
 */
export async function* zipEntries(path: string): AsyncGenerator<ZipMember> {
  const zip = await openPromise(path, {
    autoClose: false,
    decodeStrings: false,
    validateEntrySizes: true,
  }).catch((error: unknown) => Promise.reject(zipError(error)));
  try {
    for await (const entry of zip.eachEntry()) yield await memberOf(zip, entry);
  } catch (error) {
    throw zipError(error);
  } finally {
    zip.close();
  }
}

async function memberOf(zip: ZipFile, entry: Entry): Promise<ZipMember> {
  const name = nameOf(entry);
  if (entry.isEncrypted()) throw new DeployError('invalid', `${showName(name)} is encrypted`);
  if (!entry.canDecodeFileData()) {
    throw new DeployError('invalid', `${showName(name)} is compressed by method ${entry.compressionMethod}`, {
      hint: 'make the zip file with deflate, or a tar.gz',
    });
  }
  const read = () => contentOf(zip, entry, name);
  const { type, mode } = kindOf(entry, name);
  const linkName = type === 'symlink' ? await targetOf(read(), entry, name) : '';
  return { entry: tarEntry(entry, { name, type, mode, linkName }), read };
}

function tarEntry(
  entry: Entry,
  { name, type, mode, linkName }: Pick<TarEntry, 'name' | 'type' | 'mode' | 'linkName'>,
): TarEntry {
  const time = entry.getLastModDate({ timezone: 'UTC' }).getTime();
  return {
    type,
    name,
    linkName,
    mode,
    uid: 0,
    gid: 0,
    size: type === 'file' ? entry.uncompressedSize : 0,
    mtimeSeconds: Number.isFinite(time) ? Math.floor(time / 1000) : 0,
    mtimeNanoseconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
  };
}

/** Reads a name as UTF-8 where it is valid UTF-8, as zip programs of Linux write it; else in the zip file's encoding. */
function nameOf(entry: Entry): ByteName {
  const { fileNameRaw, generalPurposeBitFlag, extraFields } = entry;
  const name = isUtf8(fileNameRaw)
    ? fileNameRaw.toString('latin1')
    : byteName(getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true));
  return MADE_BY_DOS.includes(entry.versionMadeBy >>> 8) ? name.replaceAll('\\', '/') : name;
}

function kindOf(entry: Entry, name: ByteName): { readonly type: TarEntry['type']; readonly mode: number } {
  const isDirectory = name.endsWith('/');
  const unixMode = entry.externalFileAttributes >>> 16;
  const defaultMode = isDirectory ? DEFAULT_DIRECTORY_MODE : DEFAULT_FILE_MODE;
  if (!MADE_BY_UNIX.includes(entry.versionMadeBy >>> 8) || unixMode === 0) {
    return { type: isDirectory ? 'directory' : 'file', mode: defaultMode };
  }
  const type = TYPES.get(unixMode & TYPE_BITS);
  if (type === undefined) throw new DeployError('invalid', `${showName(name)} has an unknown type`);
  return { type: isDirectory ? 'directory' : type, mode: unixMode & 0o7777 || defaultMode };
}

async function targetOf(content: AsyncIterable<Uint8Array>, entry: Entry, name: ByteName): Promise<ByteName> {
  if (entry.uncompressedSize > MAX_TARGET_BYTES) {
    throw new DeployError('invalid', `the target of the symlink ${showName(name)} is too long`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

/** Reads a member and verifies its checksum, which yauzl does not. */
async function* contentOf(zip: ZipFile, entry: Entry, name: ByteName): AsyncGenerator<Uint8Array> {
  let sum = 0;
  let stream: Readable | undefined;
  try {
    stream = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (error) {
    throw zipError(error);
  } finally {
    stream?.destroy();
  }
  if (sum !== entry.crc32) throw new DeployError('corrupt', `${showName(name)} does not have its checksum`);
}

/** Translates an error: one without a system code comes from yauzl or zlib, and means a damaged file. */
function zipError(error: unknown): DeployError {
  if (isDeployError(error)) return error;
  const known = toDeployError(error);
  if (known.kind !== 'internal') return known;
  return new DeployError('corrupt', `the zip file is damaged: ${known.message}`, { cause: error });
}
