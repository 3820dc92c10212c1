import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { type HeldLock, takeLockFile } from '@deploy-tools/shared/host/file-lock.js';
import { existing, makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import type { Journal } from '../../deploy/journal.js';

const OWN_STATE = 'give this agent one of its own, such as -state DIR/state.json with the DIR of -dir';

/**
 * Checks that a state file can be written, or its directory made. Found out after the script has run, it would make the
 * script run again and again.
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
 * Locks a state file, since two agents that share one would deploy in turns for ever; makes its directory where it is
 * missing. The lock is on `.NAME.lock` beside it, because each deployment replaces the file itself.
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
 * Refuses the state file of another agent, which the default path in a shared working directory leads to.
 * @param lastGood the content of the file.
 * @throws DeployError conflict when it is a configuration that this agent has never followed.
 */
export function checkStateIsOurs(
  state: string,
  name: string,
  { journal, lastGood }: { readonly journal: Journal; readonly lastGood: AgentConfig | undefined },
): void {
  if (lastGood === undefined || lastGood.name === name) return;
  const { attempt, live } = journal;
  if ([attempt?.config.name, live?.config.name].includes(lastGood.name)) return; // this configuration was renamed
  throw new DeployError(
    'conflict',
    `the state file ${state} belongs to the configuration "${lastGood.name}"`,
    {
      hint: OWN_STATE,
    },
  );
}
