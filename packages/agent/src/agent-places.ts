import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { HeldLock } from '@deploy-tools/shared/host/file-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { excludeGoAgent } from './exclude-go-agent.js';
import { takeState } from './state-place.js';

const DIRECTORY_MODE = 0o750;

/**
 * Makes sure that nobody else uses an agent's directory: neither another agent nor the Go agent.
 * @param dir absolute; made where it is not there.
 * @throws DeployError locked; denied; no-space.
 */
export function takeAgentDirectory(dir: string, log: Logger): HeldLock {
  return holdAll(
    () => takeDirectory(dir, 'agent', DIRECTORY_MODE),
    () => excludeGoAgent(dir, log),
  );
}

/**
 * Takes the directory of one configuration and its state file.
 * @param places absolute paths. @throws DeployError as {@link takeAgentDirectory}, also for the state file.
 */
export function takeAgentPlaces({ dir, state }: { dir: string; state: string }, log: Logger): HeldLock {
  return holdAll(
    () => takeAgentDirectory(dir, log),
    () => takeState(state),
  );
}

/** One after the other; when one cannot be taken none is held. */
function holdAll(...takes: readonly (() => HeldLock)[]): HeldLock {
  const held: HeldLock[] = [];
  const release = () => {
    for (const lock of held.toReversed()) lock.release();
  };
  try {
    for (const take of takes) held.push(take());
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}
