import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { type HeldLock, takeLockFile } from '@deploy-tools/shared/host/file-lock.js';
import { existing, makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import type { Journal } from '../../deploy/journal.js';

const OWN_STATE = 'give this agent one of its own, such as -state DIR/state.json with the DIR of -dir';

/**
 * Whether a state file can be written, or its directory made: to find out only after the script has run would run it again
 * and again.
 * @param state absolute path. @throws DeployError denied.
 */
export function checkStatePlace(state: string): void {
  try {
    const dir = existing(dirname(state));
    if (!statSync(dir).isDirectory()) throw Object.assign(new Error(dir), { code: 'ENOTDIR' });
    accessSync(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritable(state, error);
  }
}

/**
 * Makes the state file's directory where it is missing, and makes sure that no other agent uses the file meanwhile: two would
 * deploy in turns for ever. The lock is on `.NAME.lock` beside it, for the file itself is replaced at each deployment.
 * @param state absolute path. @throws DeployError locked; denied.
 */
export function takeState(state: string): HeldLock {
  try {
    makeDirectory(dirname(state), 0o755);
    accessSync(dirname(state), constants.W_OK | constants.X_OK);
    return takeLockFile(join(dirname(state), `.${basename(state)}.lock`), (pid) => inUse(state, pid));
  } catch (error) {
    throw error instanceof DeployError ? error : unwritable(state, error);
  }
}

function inUse(state: string, pid: string): DeployError {
  const who = `another agent${pid === '' ? '' : ` (process ${pid})`}`;
  return new DeployError('locked', `the state file ${state} is in use by ${who}`, { hint: OWN_STATE });
}

function unwritable(state: string, error: unknown): DeployError {
  return new DeployError('denied', `the state file ${state} cannot be written (${errnoOf(error)})`, {
    hint: 'check -state, and who owns its directory',
    cause: error,
  });
}

/**
 * Two agents that share a state file, as they do by its default in one working directory, would deploy in turns for ever, each with
 * the other's release as OLDROOT.
 * @param lastGood what the file holds.
 * @throws DeployError conflict where that is another configuration, which this agent has never followed.
 */
export function checkStateIsOurs(
  state: string,
  name: string,
  { journal, lastGood }: { readonly journal: Journal; readonly lastGood: AgentConfig | undefined },
): void {
  if (lastGood === undefined || lastGood.name === name) return;
  const { attempt, live } = journal;
  if ([attempt?.config.name, live?.config.name].includes(lastGood.name)) return; // it was given another name since
  throw new DeployError(
    'conflict',
    `the state file ${state} is that of the configuration "${lastGood.name}"`,
    {
      hint: OWN_STATE,
    },
  );
}
