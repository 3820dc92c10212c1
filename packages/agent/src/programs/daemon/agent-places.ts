import { basename, dirname, join } from 'node:path';
import { removeTemporaries } from '@deploy-tools/shared/host/atomic-file.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { HeldLock } from '@deploy-tools/shared/host/file-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { excludeGoAgent } from './exclude-go-agent.js';
import { takeState } from './state-place.js';

/** Lets services of any user reach their releases, as with the Go agent; private directories in it are closed themselves. */
const FOR_ALL = 0o755;
/** With `-user`, the releases are for that user's group. */
const FOR_GROUP = 0o750;

/** Files of the agent in its directory, which may hold other files too. */
const OURS: readonly string[] = [
  ...['journal.json', 'attempts.json', 'placed.json', 'programs.json', 'source.json', 'outcomes.jsonl'],
  ...['current', 'paused'],
];

/**
 * Locks an agent's directory against other agents, the Go agent included.
 * @param dir absolute; made where it is missing. An existing directory keeps its mode.
 * @throws DeployError locked; denied; no-space.
 */
export function takeAgentDirectory(dir: string, log: Logger, mode = FOR_ALL): HeldLock {
  return holdAll(
    () => takeDirectory(dir, 'agent', mode),
    () => excludeGoAgent(dir, log),
    () => cleared(() => removeTemporaries(dir, (name) => OURS.includes(name))),
  );
}

/**
 * Locks the directory and the state file of one configuration; both paths are absolute.
 * @param user runs scripts and programs; undefined for the agent's own user.
 * @throws DeployError as {@link takeAgentDirectory}, also for the state file.
 */
export function takeAgentPlaces(
  { dir, state, user }: { readonly dir: string; readonly state: string; readonly user: string | undefined },
  log: Logger,
): HeldLock {
  return holdAll(
    () => takeAgentDirectory(dir, log, user === undefined ? FOR_ALL : FOR_GROUP),
    () => takeState(state),
    () => cleared(() => removeTemporaries(dirname(state), (name) => name === basename(state))),
    () => cleared(() => removeTemporaries(join(dir, 'records'), () => true)),
  );
}

/** Removes files of an agent that was killed, now that no other agent can be writing them. */
function cleared(remove: () => void): HeldLock {
  remove();
  return { release: () => {} };
}

/** Takes locks in order; when one cannot be taken, releases the others. */
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
