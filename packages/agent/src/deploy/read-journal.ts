import { DeployError, isDeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { Journal } from './journal.js';
import { decodeAttempts, decodeJournal } from './journal-json.js';

/** Room for several configurations with the maximum of layers. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Where an agent keeps its journal. */
export interface JournalPaths {
  /** Absolute path of journal.json. */
  readonly path: string;
  /** Absolute path of attempts.json, which agents left before there were journals; it is read once. */
  readonly attemptsPath: string;
}

/** Reads the journal of an agent, which may be running. @throws DeployError corrupt. */
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
    if (isMissing(error)) return undefined;
    throw error;
  }
}
