import { readlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '@deploy-tools/shared/errors.js';

/** The number of links that Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;

/** A name on the way of a path, and its directory: an absolute path without links. */
export interface PathStep {
  readonly directory: string;
  readonly name: string;
}

/**
 * Resolves a path as the system does. Returns every link on the way, and last the end of the path, or the name at which the path
 * cannot be followed further: the name is missing, or access is denied.
 * @param path absolute.
 */
export async function stepsOf(path: string): Promise<readonly PathStep[]> {
  const steps: PathStep[] = [];
  const names = namesOf(path);
  let links = 0;
  let directory = '/';
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '..') {
      directory = dirname(directory);
      continue;
    }
    const found = await lookUp(join(directory, name));
    if (found === 'no directory')
      return [...steps, { directory: dirname(directory), name: basename(directory) }];
    if (found === 'no link' && names.length > 0) {
      directory = join(directory, name);
      continue;
    }
    steps.push({ directory, name });
    if (found === 'no link' || found === 'unreadable') return steps;
    links += 1;
    if (links > MAX_LINKS) return steps;
    names.unshift(...namesOf(found.target));
    if (found.target.startsWith('/')) directory = '/';
  }
  return steps;
}

type Found = { readonly target: string } | 'no link' | 'no directory' | 'unreadable';

async function lookUp(path: string): Promise<Found> {
  try {
    return { target: await readlink(path) };
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EINVAL') return 'no link';
    return code === 'ENOTDIR' ? 'no directory' : 'unreadable';
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
