import { type Dirent, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** A file, directory or symlink below the packed directory. */
export interface DirectoryEntry {
  /** Path on disk. */
  readonly file: string;
  /** Path in the archive: relative, `/` between parts. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly stat: Stats;
  /** The target of a symlink. */
  readonly target?: string;
}

/**
 * Lists everything below a directory, parents first, siblings in the byte order of their names: the same on every machine.
 * Symlinks are not followed; hard links are separate files.
 * @throws DeployError invalid for devices, FIFOs, sockets and names that are not UTF-8.
 */
export function listDirectory(root: string): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const visit = (dir: string, prefix: string) => {
    for (const name of sortedNames(dir)) {
      const entry = describe(join(dir, name), `${prefix}${name}`);
      entries.push(entry);
      if (entry.kind === 'directory') visit(entry.file, `${entry.path}/`);
    }
  };
  visit(root, '');
  return entries;
}

function sortedNames(dir: string): string[] {
  return readNames(dir)
    .sort(Buffer.compare)
    .map((bytes) => {
      const name = bytes.toString('utf8');
      if (Buffer.from(name).equals(bytes)) return name;
      throw new DeployError('invalid', `${join(dir, name)}: the name is not UTF-8`, { hint: 'rename it' });
    });
}

function readNames(dir: string): Buffer[] {
  try {
    return readdirSync(dir, { encoding: 'buffer' });
  } catch (error) {
    throw toDeployError(error);
  }
}

function describe(file: string, path: string): DirectoryEntry {
  try {
    const stat = lstatSync(file);
    if (stat.isFile()) return { file, path, kind: 'file', stat };
    if (stat.isDirectory()) return { file, path, kind: 'directory', stat };
    if (stat.isSymbolicLink()) return { file, path, kind: 'symlink', stat, target: readlinkSync(file) };
    throw new DeployError('invalid', `${file} is a ${specialKind(stat)}, which cannot be deployed`, {
      hint: 'remove it from the directory',
    });
  } catch (error) {
    throw toDeployError(error);
  }
}

function specialKind(stat: Pick<Dirent, 'isFIFO' | 'isSocket'>): string {
  if (stat.isFIFO()) return 'FIFO';
  return stat.isSocket() ? 'socket' : 'device';
}
