import { basename, dirname, join } from 'node:path';
import { removeTemporaries } from '@deploy-tools/shared/host/atomic-file.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { HeldLock } from '@deploy-tools/shared/host/file-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { excludeGoAgent } from './exclude-go-agent.js';
import { takeState } from './state-place.js';

/** Services of any user have to get to their releases, as with the Go agent; what is private in it is closed by itself. */
const FOR_ALL = 0o755;
/** With `-user`, releases are that user's. */
const FOR_GROUP = 0o750;

/** What an agent replaces in its directory, which may be one that other files lie in too. */
const OURS: readonly string[] = [
  ...['journal.json', 'attempts.json', 'placed.json', 'programs.json', 'source.json', 'outcomes.jsonl'],
  ...['current', 'paused'],
];

/**
 * Makes sure that nobody else uses an agent's directory: neither another agent nor the Go agent.
 * @param dir absolute; made where it is not there. One that is there keeps its mode: why it is closed is not known.
 * @throws DeployError locked; denied; no-space.
 */
export function takeAgentDirectory(dir: string, log: Logger, mode = FOR_ALL): HeldLock {
  return holdAll(
    () => takeDirectory(dir, 'agent', mode),
    () => excludeGoAgent(dir, log),
    () => cleared(() => removeTemporaries(dir, (name) => OURS.includes(name))),
  );
}

/** Absolute paths. */
interface AgentPlaces {
  readonly dir: string;
  readonly state: string;
  /** Whom scripts and programs are run as; undefined for the agent's own user. */
  readonly user: string | undefined;
}

/**
 * Takes the directory of one configuration and its state file.
 * @throws DeployError as {@link takeAgentDirectory}, also for the state file.
 */
export function takeAgentPlaces({ dir, state, user }: AgentPlaces, log: Logger): HeldLock {
  return holdAll(
    () => takeAgentDirectory(dir, log, user === undefined ? FOR_ALL : FOR_GROUP),
    () => takeState(state),
    () => cleared(() => removeTemporaries(dirname(state), (name) => name === basename(state))),
    () => cleared(() => removeTemporaries(join(dir, 'records'), () => true)),
  );
}

/** What an agent that was killed left, now that nobody else can be writing there. */
function cleared(remove: () => void): HeldLock {
  remove();
  return { release: () => {} };
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
