import { readdirSync } from 'node:fs';
import { isMissing } from '../errors.js';

/** The names in a directory, in no order; none where there is no such directory. @throws system errors. */
export function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
