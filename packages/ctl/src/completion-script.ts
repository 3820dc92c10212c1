import { readFileSync } from 'node:fs';

/**
 * The completion script for a shell: `completion/deployctl.<shell>` of the package. Both `dist/` and the joined
 * program in `program/` have this code directly in them, one directory below the package.
 */
export function completionScript(shell: string): string {
  return readFileSync(new URL(`../completion/deployctl.${shell}`, import.meta.url), 'utf8');
}
