import { DeployError, errnoOf, isDeployError } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { Journal } from './journal.js';
import { decodeAttempts, decodeJournal } from './journal-json.js';

/** Two configurations of the most layers, and little else. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Where an agent keeps what it did. */
export interface JournalPaths {
  /** Of journal.json. */
  readonly path: string;
  /** Of attempts.json, which an agent before there were journals left; read once. */
  readonly attemptsPath: string;
}

/** What the journal of an agent says, which may be running. @throws DeployError corrupt. */
export function readJournal({ path, attemptsPath }: JournalPaths): Journal {
  const text = readText(path);
  if (text === undefined) return decodeAttempts(readText(attemptsPath) ?? '');
  try {
    return decodeJournal(text);
  } catch (error) {
    if (!isDeployError(error, 'corrupt')) throw error;
    throw new DeployError('corrupt', `the journal ${path} is damaged: ${error.message}`, {
      hint: 'see what runs on this host, correct state.json where it is wrong, and remove the journal',
      cause: error,
    });
  }
}

function readText(path: string): string | undefined {
  try {
    return readRegularFile(path, MAX_BYTES).toString('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
