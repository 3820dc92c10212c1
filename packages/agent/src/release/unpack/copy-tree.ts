import { runTreeTask } from './run-tree-task.js';

/**
 * Copies what is in a directory into another one, in a thread of its own: types, contents, modes, times to the microsecond,
 * and owners where that is allowed. Hard links become files of their own; files share their blocks where the file system
 * can. An abort leaves what was copied.
 * @param from absolute. @param to absolute; an empty directory of ours, which nobody else can write to.
 * @param rootMode permission bits that `to` has in the end.
 * @returns how many regular files, and the bytes of their contents.
 * @throws DeployError unsupported for a socket; what the system refuses, with the name of the file; cancelled; internal.
 */
export async function copyTree(
  { from, to, rootMode }: { readonly from: string; readonly to: string; readonly rootMode: number },
  signal: AbortSignal,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { entries, bytes } = await runTreeTask({ kind: 'copy', from, to, rootMode }, signal);
  return { files: entries, bytes };
}
