import { DeployError } from '../errors.js';

export function cutZstd(): DeployError {
  return new DeployError('corrupt', 'the zstd data ends early: the archive was cut');
}

/** Calls a function of the library; its error becomes a DeployError corrupt. */
export function orCorrupt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw corruptZstd(error);
  }
}

export function corruptZstd(cause: unknown): DeployError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DeployError('corrupt', `the zstd data is damaged: ${reason}`, { cause });
}
