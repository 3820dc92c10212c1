import { runTreeTask } from './run-tree-task.js';

/**
 * Removes a release's tree, or what is left of one, in a thread of its own. Directories without write permission are no
 * obstacle. An abort leaves the rest in place; removing again takes up there.
 * @param path absolute; nothing there is fine.
 * @throws DeployError denied, when somebody else's files are in the way; cancelled; internal.
 */
export async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  await runTreeTask({ kind: 'remove', path }, signal);
}
