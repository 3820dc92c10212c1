import { type Digest, hashing } from '@deploy-tools/shared/archive/hashing.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { ProgramIo } from '../program-io.js';
import type { ArchiveSource } from './archive-source.js';
import { startProgress } from './upload-progress.js';

/**
 * Sends an archive to the registry's staging area, hashing it on the way.
 * @throws DeployError; nothing is added to the registry then, and the operator can try again.
 */
export async function uploadArchive(
  connection: Connection,
  source: ArchiveSource,
  io: Pick<ProgramIo, 'stderr' | 'signal'>,
  quiet: boolean,
): Promise<Digest> {
  const progress = startProgress(quiet ? undefined : io.stderr, source, Date.now);
  const sftp = await SftpClient.start(await connection.openSubsystem('sftp'));
  try {
    const { bytes, result } = hashing(source.read(io.signal));
    // The registry stores an upload under its hash; the name is only for its log.
    await sftp.upload('archive', bytes, { signal: io.signal, onProgress: progress.update });
    progress.done();
    return result();
  } catch (error) {
    progress.stop();
    throw io.signal.aborted ? new DeployError('cancelled', 'cancelled; nothing was added') : explain(error);
  } finally {
    sftp.end();
  }
}

function explain(error: unknown): unknown {
  if (!isDeployError(error, 'connect')) return error;
  return new DeployError('connect', `upload interrupted: ${error.message}`, {
    hint: 'nothing was added; run the same command again',
    cause: error,
  });
}
