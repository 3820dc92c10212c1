import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { ProgramIo } from './program-io.js';

/**
 * Runs a part of a program; prints the usage error that it throws on stderr, then the usage text.
 * @returns undefined after a usage error; the program then ends with status 2.
 */
export async function explainUsage<T>(
  io: Pick<ProgramIo, 'stderr'>,
  usage: () => string | Promise<string>,
  part: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await part();
  } catch (error) {
    if (!isDeployError(error, 'usage')) throw error;
    io.stderr.write(`${describeError(error)}\n${await usage()}`);
    return undefined;
  }
}
