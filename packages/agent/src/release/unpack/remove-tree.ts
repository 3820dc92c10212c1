import { runTreeTask } from './run-tree-task.js';

/**
 * Removes a release's tree, or what is left of one, in a thread of its own. Directories without write permission are no
 * obstacle. An abort leaves the rest in place; removing again takes up there.
 * @param path absolute; that nothing is there is not an error.
 * @param signal without one the removal is finished whatever happens.
 * @throws DeployError denied, when somebody else's files are in the way; cancelled; internal.
 */
export async function removeTree(
  path: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  await runTreeTask({ kind: 'remove', path }, signal);
}
