import { readFileSync } from 'node:fs';

export const SHELLS: readonly string[] = ['bash', 'zsh', 'fish'];

/**
 * The text that makes a shell complete deployctl's words. This module is to stay directly below `src`: its way to the
 * scripts has to be the same from `dist` and from the joined files in `program`.
 */
export function completionScript(shell: string): string {
  return readFileSync(new URL(`../completion/deployctl.${shell}`, import.meta.url), 'utf8');
}
