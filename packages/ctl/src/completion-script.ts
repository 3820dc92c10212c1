import { readFileSync } from 'node:fs';

export const SHELLS: readonly string[] = ['bash', 'zsh', 'fish'];

/**
 * Reads the completion script for a shell. This module has to stay directly below `src`: the relative path of the scripts is
 * then the same from `dist` and from the bundles in `program`.
 */
export function completionScript(shell: string): string {
  return readFileSync(new URL(`../completion/deployctl.${shell}`, import.meta.url), 'utf8');
}
