import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** Translates an error of SQLite; see https://www.sqlite.org/rescode.html. */
export function translateSqliteError(error: unknown): DeployError {
  if (!isSqliteError(error)) return toDeployError(error);
  const { code, message } = error;
  if (code.startsWith('SQLITE_FULL')) {
    return new DeployError('no-space', 'the disk of the registry is full', {
      hint: 'free some space',
      cause: error,
    });
  }
  // SQLite reports ENOSPC only as "full": a quota or a file size limit arrives as a failed write.
  if (code === 'SQLITE_IOERR_WRITE' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new DeployError('no-space', 'the disk of the registry refuses a write', {
      hint: 'check its free space, quota and health',
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_CONSTRAINT')) return new DeployError('exists', message, { cause: error });
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new DeployError('locked', 'the registry database is in use by another process', { cause: error });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return new DeployError('corrupt', `the registry database is damaged: ${message}`, {
      hint: 'restore registry.db from a backup',
      cause: error,
    });
  }
  return new DeployError('internal', `the registry database failed: ${message}`, { cause: error });
}

function isSqliteError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && error.name === 'SqliteError' && 'code' in error;
}
