import { readdirSync } from 'node:fs';
import { unlessMissing } from '../errors.js';

/** The names in a directory, in no order; none where there is no such directory. @throws system errors. */
export function namesIn(dir: string): string[] {
  return unlessMissing(() => readdirSync(dir)) ?? [];
}
