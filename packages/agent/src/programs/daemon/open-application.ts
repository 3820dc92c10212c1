import { chownSync, lstatSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AgentPaths, AgentSettings, ContextParts } from '../../deploy/agent-context.js';
import { AttemptFacts } from '../../deploy/attempt-facts.js';
import { Ledger } from '../../deploy/ledger.js';
import { Pause } from '../../deploy/pause.js';
import { readWholeState } from '../../deploy/state-file.js';
import { WantedView } from '../../deploy/wanted-view.js';
import { Pushes } from '../../follow/pushes.js';
import { systemTimers } from '../../host/timers.js';
import { placedIn } from '../../place/placed-record.js';
import { OutputDirectory } from '../../process/script/output-directory.js';
import { programFile } from '../../process/script/program-file.js';
import { type RunAs, resolveUser, userEnvironment } from '../../process/script/run-as.js';
import { type OpenProgram, openProgram } from '../../process/supervise/open-program.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { programSettings } from '../../process/supervise/supervise-flags.js';
import { AssembleThreads } from '../../release/assemble/assemble-threads.js';
import { chmodDirectory } from '../../release/unpack/held-directory.js';
import type { AgentFlags } from '../flags/agent-settings.js';
import { takeAgentPlaces } from './agent-places.js';
import { Application } from './application.js';
import { checkStateIsOurs } from './state-place.js';

/** Releases made at once: each takes three channels of a connection, of 16 that a registry allows, and two threads. */
const BUILDS_AT_ONCE = 4;

export interface ApplicationOptions {
  /** What `settings` were read from: gives directory, state file and the ports of the program. */
  readonly flags: AgentFlags;
  /** Of the supervised program. */
  readonly command: Launch['command'] | undefined;
  readonly settings: AgentSettings;
  /** Limits the releases that several configurations make at once; by default this one has its own. */
  readonly builds?: Turns;
  /** Where announcements for the configuration arrive; by default this one has its own. */
  readonly pushes?: Pushes;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called after each change that is worth a report. Must not throw. */
  readonly onChange: () => void;
  readonly onProgress: () => void;
}

export function buildTurns(): Turns {
  return new Turns(BUILDS_AT_ONCE);
}

/**
 * Takes the directory and the state file of a configuration, and opens its journal and ports; nothing runs yet.
 * @throws DeployError locked, denied; corrupt: the journal; in-use, denied, invalid, not-found: a port.
 */
export async function openApplication(options: ApplicationOptions): Promise<Application> {
  const { flags, settings, log } = options;
  const [dir, state] = [resolve(flags.dir), resolve(flags.state)];
  const lock = takeAgentPlaces({ dir, state, user: settings.user }, log);
  try {
    return await openTaken(options, { dir, state }, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openTaken(
  options: ApplicationOptions,
  { dir, state }: { readonly dir: string; readonly state: string },
  release: () => void,
): Promise<Application> {
  const { settings, log, signal, onChange } = options;
  const paths = pathsIn(dir, state);
  const lastGood = () => readWholeState(state);
  const clock = () => new Date();
  const trouble = new Trouble(onChange);
  const files = { path: join(dir, 'journal.json'), attemptsPath: join(dir, 'attempts.json') };
  const ledger = new Ledger({ ...files, clock, lastGood, onChange: () => trouble.end() });
  warnOfPrograms(settings, log);
  checkStateIsOurs(state, settings.name, { journal: ledger.journal, lastGood: lastGood() });
  closePrivate(dir);
  const runAs = settings.user === undefined ? undefined : await resolveUser(settings.user);
  if (runAs !== undefined) openToGroup(runAs, dir, paths.unpacked);
  const facts = new AttemptFacts(options.onProgress);
  const onLine = (line: string) => {
    if (ledger.inFlight !== undefined) facts.log.push(line);
  };
  const { output, supervised } = await openProcesses(options, dir, { runAs, onLine });
  const wanted = new WantedView(join(dir, 'confirmed'));
  const threads = new AssembleThreads();
  const parts: ContextParts = {
    paths,
    log,
    threads,
    builds: options.builds ?? buildTurns(),
    ledger,
    pause: new Pause(join(dir, 'paused'), onChange),
    onWanted: (config) => {
      if (wanted.saw(config, clock(), lastGood())) onChange();
    },
    onTrouble: (error) => trouble.take(error),
    facts,
    output,
    program: supervised?.program,
    clock,
    timers: systemTimers,
    runAs,
    env: { ...process.env, ...userEnvironment(runAs) },
  };
  const open = {
    parts,
    pushes: options.pushes ?? new Pushes(),
    wanted: () => wanted.last,
    trouble: () => trouble.error,
    crash: () => supervised?.crash(),
    close: async () => {
      await supervised?.close();
      await output.close();
      await threads.stop();
    },
    release,
  };
  return new Application(open, settings, signal);
}

/** The error that keeps this host from running the wanted release. */
class Trouble {
  readonly #onChange: () => void;
  #error: DeployError | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get error(): DeployError | undefined {
    return this.#error;
  }

  /** @param error undefined when the host is not blocked any more. */
  take(error: DeployError | undefined): void {
    const isNews = this.#error?.message !== error?.message;
    this.#error = error;
    if (isNews) this.#onChange();
  }

  /** A journal write has succeeded, so the host is no longer blocked; the write itself is worth a report. */
  end(): void {
    this.#error = undefined;
    this.#onChange();
  }
}

/** Opens the output of scripts and programs, and the supervised program with its ports. */
async function openProcesses(
  { flags, command, log, onChange }: ApplicationOptions,
  dir: string,
  { runAs, onLine }: { readonly runAs: RunAs | undefined; readonly onLine: (line: string) => void },
): Promise<{ readonly output: OutputDirectory; readonly supervised: OpenProgram | undefined }> {
  const output = new OutputDirectory({
    dir: join(dir, 'output'),
    onEarlierLine: (stream, line) => {
      onLine(line);
      log.info({ stream }, line);
    },
    onTrouble: (message) => log.warn(message),
  });
  await output.adopt();
  const program = programSettings(flags, command);
  if (program === undefined) return { output, supervised: undefined };
  try {
    const supervised = await openProgram({
      ...program,
      as: runAs,
      output,
      onLine,
      onCrash: onChange,
      recordPath: join(dir, 'programs.json'),
      timers: systemTimers,
      log,
    });
    return { output, supervised };
  } catch (error) {
    await output.close();
    throw error;
  }
}

/** Warns of scripts and hooks that cannot be run. The first release may bring them, so the agent starts without them. */
function warnOfPrograms({ script, hooks }: AgentSettings, log: Logger): void {
  for (const command of [script, ...Object.values(hooks)].filter((each) => each !== undefined)) {
    try {
      programFile(command, process.env.PATH);
    } catch (error) {
      log.warn({ err: describeError(error) }, 'a deployment would fail now: a script or hook cannot be run');
    }
  }
}

/** Directories for the agent alone: they may hold content of releases that are closed to other users. */
const PRIVATE = ['cache', 'manifests', 'records', 'incoming'];

/** Closes private directories that the Go agent, or an earlier version of this one, made open to others. */
function closePrivate(dir: string): void {
  for (const name of PRIVATE) {
    const path = join(dir, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true || stats.uid !== process.geteuid?.()) continue;
    if ((stats.mode & 0o077) !== 0) chmodDirectory(path, stats.mode & 0o700);
  }
}

/** Gives directories to the user's group, so that scripts of the user can read releases. Parents are not changed. */
function openToGroup(runAs: RunAs, ...directories: readonly string[]): void {
  for (const directory of directories) {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    chownSync(directory, -1, runAs.gid);
  }
}

/** @param dir of the agent, absolute. @param state absolute path of state.json. */
export function pathsIn(dir: string, state: string): AgentPaths {
  return {
    cache: join(dir, 'cache'),
    unpacked: join(dir, 'unpacked'),
    manifests: join(dir, 'manifests'),
    records: join(dir, 'records'),
    scriptState: join(dir, 'script-state.json'),
    current: join(dir, 'current'),
    placed: placedIn(dir),
    state,
  };
}
