import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.js';

/**
 * Makes a directory and those above it that are missing; one that is there stays as it is. (Node's own `recursive`
 * never ends where the system refuses a new name as not found, as in /proc.)
 * @param path absolute. @throws system errors as they are; EEXIST when something else is there.
 */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = path; !exists(at); at = dirname(at)) missing.push(at);
  for (const at of missing.reverse()) make(at, mode);
  if (!statSync(path).isDirectory()) throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' });
}

/** A path, or the nearest above it that exists. */
export function existing(path: string): string {
  return exists(path) || dirname(path) === path ? path : existing(dirname(path));
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Somebody else may be making it at the same time. */
function make(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
