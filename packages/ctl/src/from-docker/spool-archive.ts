import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { decompress } from '@deploy-tools/shared/archive/decompress.js';
import { memberPath, parentPath } from '@deploy-tools/shared/archive/path-guard.js';
import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import { TarReader } from '@deploy-tools/shared/archive/tar-reader.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** A file of the image archive, stored under a name of ours. */
export interface SpooledFile {
  readonly path: string;
  readonly size: number;
  /** Hex SHA-256. */
  readonly sha256: string;
}

/** The image archive on disk, by the names in the archive. */
export interface Spool {
  readonly files: ReadonlyMap<ByteName, SpooledFile>;
  /** Symlinks and hard links to where they lead, both as paths from the archive's root. */
  readonly links: ReadonlyMap<ByteName, ByteName>;
}

const MAX_LINKS = 8;

/**
 * Unpacks an image archive into files of a directory: layers may precede the manifest that orders them.
 * @param dir empty; the names of the archive are never used in it.
 * @throws DeployError invalid, corrupt, unsafe, no-space.
 */
export async function spoolArchive(source: AsyncIterable<Uint8Array>, dir: string): Promise<Spool> {
  const writer = new SpoolWriter(dir);
  const reader = new TarReader(writer);
  try {
    for await (const { bytes } of decompress(source)) {
      const own = reader.write(bytes);
      if (bytes.subarray(own).some((byte) => byte !== 0)) throw moreFollows();
    }
    reader.end();
  } catch (error) {
    throw toDeployError(error);
  } finally {
    writer.close();
  }
  return writer;
}

/** An error for bytes after the archive. Writers pad an archive with zeros; anything else may be a second image. */
function moreFollows(): DeployError {
  return new DeployError('invalid', 'the input has more bytes after the image, perhaps a second image', {
    hint: 'save one image at a time',
  });
}

/** The file of a name; links are followed. */
export function spooledFile(spool: Spool, name: ByteName): SpooledFile | undefined {
  let at = name;
  for (let hop = 0; hop < MAX_LINKS; hop += 1) {
    const file = spool.files.get(at);
    if (file !== undefined) return file;
    const next = spool.links.get(at);
    if (next === undefined) return undefined;
    at = next;
  }
  throw new DeployError('invalid', `${showName(name)} in the image is a link to itself`);
}

/** Writes the files of the archive to disk, one after the other. */
class SpoolWriter implements Spool {
  readonly files = new Map<ByteName, SpooledFile>();
  readonly links = new Map<ByteName, ByteName>();
  readonly #dir: string;
  #count = 0;
  #current:
    | { name: ByteName; path: string; fd: number; size: number; hash: ReturnType<typeof createHash> }
    | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  entry(entry: TarEntry): void {
    const name = memberPath(entry.name);
    if (entry.type === 'symlink') this.links.set(name, resolveLink(parentPath(name), entry.linkName));
    if (entry.type === 'hardlink') this.links.set(name, memberPath(entry.linkName));
    if (entry.type !== 'file') return;
    const path = join(this.#dir, `blob-${this.#count}`);
    this.#count += 1;
    this.#current = { name, path, fd: openSync(path, 'wx', 0o600), size: 0, hash: createHash('sha256') };
  }

  data(chunk: Uint8Array): void {
    const current = this.#current;
    if (current === undefined) return;
    for (let at = 0; at < chunk.length; ) at += writeSync(current.fd, chunk, at);
    current.hash.update(chunk);
    current.size += chunk.length;
  }

  entryEnd(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.close();
    const { name, path, size, hash } = current;
    this.files.set(name, { path, size, sha256: hash.digest('hex') });
  }

  close(): void {
    if (this.#current === undefined) return;
    closeSync(this.#current.fd);
    this.#current = undefined;
  }
}

/** @throws DeployError unsafe when a link leaves the archive. */
function resolveLink(directory: ByteName, target: ByteName): ByteName {
  const parts = directory === '' ? [] : directory.split('/');
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) {
      throw new DeployError('unsafe', `a link in the image leads outside of it: ${showName(target)}`);
    }
  }
  return parts.join('/');
}
