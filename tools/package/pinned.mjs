// Packages from npm by the hash that a lock file has of them, whatever platform they are for.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar';
import { ROOT } from '../built-files.mjs';
import { must } from './must.mjs';

const CACHE = join(ROOT, 'node_modules/.cache/deploy-tools-package');

/**
 * @param path of a package as the lock file names it: `node_modules/NAME`.
 * @returns what it says of the package: name and version, hash, license.
 */
export function lockedPackage(lock, path) {
  const found = JSON.parse(readFileSync(join(ROOT, lock), 'utf8')).packages[path];
  if (found === undefined) throw new Error(`${lock} has no ${path}`);
  const name = found.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return { name, path, version: found.version, integrity: found.integrity, license: found.license };
}

/** @returns the directory of a package's files, which is fetched once. @throws when it is not what the lock file names. */
export async function fetchPinned({ name, version, integrity }) {
  const wanted = /^sha512-(.+)$/.exec(integrity)?.[1];
  if (wanted === undefined) throw new Error(`there is no SHA-512 of ${name}`);
  const dir = join(CACHE, `${name}-${version}-${Buffer.from(wanted, 'base64').toString('hex').slice(0, 16)}`);
  if (existsSync(dir)) return dir;
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(`${dir}-`);
  try {
    const file = join(fresh, packFrom(`${name}@${version}`, fresh));
    const hash = createHash('sha512').update(readFileSync(file)).digest('base64');
    if (hash !== wanted)
      throw new Error(`${name}@${version} has the SHA-512 ${hash}, and ${wanted} is wanted`);
    await extract({ file, cwd: fresh });
    renameSync(join(fresh, 'package'), dir);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return dir;
}

/** Fetches what npm publishes. @returns the file's name. */
function packFrom(spec, destination) {
  const args = ['pack', '--silent', '--pack-destination', destination, spec];
  return must('npm', args, { cwd: destination }).trim().split('\n').at(-1);
}
