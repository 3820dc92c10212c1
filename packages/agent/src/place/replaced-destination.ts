import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { removeTree } from '../release/unpack/run-tree-task.js';

/** With `mv`, what was put to a destination before has this name while another release takes its place. */
export function replacedBeside(to: string): string {
  return join(dirname(to), `.${basename(to)}.old-${randomBytes(6).toString('hex')}`);
}

/** Removes what agents that were killed left of these. The destination has to be held. @throws DeployError denied; cancelled. */
export async function removeReplaced(to: string, signal: AbortSignal): Promise<void> {
  for (const path of replacedAt(to)) await removeTree(path, signal);
}

/** Absolute paths of what is left. */
export function replacedAt(to: string): string[] {
  const [dir, prefix] = [dirname(to), `.${basename(to)}.old-`];
  if (!existsSync(dir)) return [];
  const isOne = (name: string) => name.startsWith(prefix) && /^[0-9a-f]{12}$/.test(name.slice(prefix.length));
  return readdirSync(dir)
    .filter(isOne)
    .map((name) => join(dir, name));
}
