import { DeployError, isDeployError, toDeployError } from '../errors.js';
import { EntryPolicy } from './entry-policy.js';
import { archiveFile, readArchive } from './read-archive.js';
import type { UnpackPolicy } from './unpack-policy.js';

/** The size of an archive's content. */
export interface ArchiveSummary {
  readonly entries: number;
  /** Bytes of file contents. */
  readonly bytes: number;
}

/**
 * Reads a whole archive and applies the policy, as unpacking does, without writing anything. It may run on a server's main thread:
 * decompression runs on the pool, and each piece of output takes a few milliseconds at most.
 * @throws DeployError invalid, corrupt, unsafe, too-large, cancelled; not-found and denied for the file itself.
 */
export async function checkArchive(
  path: string,
  policy: UnpackPolicy,
  signal: AbortSignal,
): Promise<ArchiveSummary> {
  let entries = 0;
  let bytes = 0;
  try {
    await readArchive(archiveFile(path, signal), new EntryPolicy(policy), {
      entry: () => {
        entries += 1;
      },
      data: (chunk) => {
        bytes += chunk.length;
      },
      entryEnd: () => {},
    });
  } catch (error) {
    if (signal.aborted) throw new DeployError('cancelled', `checking ${path} was stopped`, { cause: error });
    throw isDeployError(error) ? error : toDeployError(error);
  }
  return { entries, bytes };
}
