import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.js';

/**
 * Makes a directory and its missing parents; an existing directory stays as it is. (`recursive` of Node.js never ends where the
 * system reports a new name as not found, as in /proc.)
 * @param path absolute. @throws system errors; EEXIST when the path is no directory.
 */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = path; !exists(at); at = dirname(at)) missing.push(at);
  for (const at of missing.reverse()) make(at, mode);
  if (!statSync(path).isDirectory()) throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' });
}

/** The path, or its nearest parent that exists. */
export function existing(path: string): string {
  return exists(path) || dirname(path) === path ? path : existing(dirname(path));
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Makes one directory; another process may do so at the same time. */
function make(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
