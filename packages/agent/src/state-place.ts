import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import type { Journal } from './deploy/journal.js';

/** To find out only after the script has run would run it again and again. */
export function checkStatePlace(state: string): void {
  try {
    accessSync(dirname(state), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DeployError('denied', `the state file ${state} cannot be written (${errnoOf(error)})`, {
      hint: 'check -state, and that its directory exists and is writable',
      cause: error,
    });
  }
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
      hint: 'give this agent one of its own, such as -state DIR/state.json with the DIR of -dir',
    },
  );
}
