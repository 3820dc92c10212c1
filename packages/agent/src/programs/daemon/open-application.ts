import { chownSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AgentPaths, AgentSettings, ContextParts } from '../../deploy/agent-context.js';
import { AttemptFacts } from '../../deploy/attempt-facts.js';
import { Ledger, type LedgerOptions } from '../../deploy/ledger.js';
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
import type { ProgramSettings } from '../../process/supervise/supervise-flags.js';
import { AssembleThreads } from '../../release/assemble/assemble-threads.js';
import { chmodDirectory } from '../../release/unpack/held-directory.js';
import { Application } from './application.js';
import { checkStateIsOurs } from './state-place.js';

/** Releases that are made at once: each takes three channels of a connection, of 16 that a registry allows, and two threads. */
const BUILDS_AT_ONCE = 4;

export interface ApplicationOptions {
  readonly settings: AgentSettings;
  /** Absolute; taken already. */
  readonly dir: string;
  /** Absolute path of state.json. */
  readonly state: string;
  /** What is supervised, with its ports. */
  readonly program: ProgramSettings | undefined;
  /** Limits the releases that several configurations make at once; without it this one has its own. */
  readonly builds?: Turns;
  /** Where announcements for it arrive; without it this one has its own. */
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
 * Opens the journal and the ports of a configuration; nothing runs yet.
 * @throws DeployError corrupt: the journal; in-use, denied, invalid, not-found: a port.
 */
export async function openApplication(options: ApplicationOptions): Promise<Application> {
  const { settings, dir, state, log, signal, onChange } = options;
  const paths = pathsIn(dir, state);
  const lastGood = () => readWholeState(state);
  const clock = () => new Date();
  const trouble = new Trouble(onChange);
  const ledger = openLedger(dir, { clock, lastGood, onChange: () => trouble.end() });
  warnOfPrograms(settings, log);
  checkStateIsOurs(state, settings.name, { journal: ledger.journal, lastGood: lastGood() });
  closePrivate(dir);
  const runAs = settings.user === undefined ? undefined : await resolveUser(settings.user);
  if (runAs !== undefined) letIn(runAs, dir, paths.unpacked);
  const facts = new AttemptFacts(options.onProgress);
  const onLine = (line: string) => {
    if (ledger.inFlight !== undefined) facts.log.push(line);
  };
  const { output, supervised } = await openProcesses(options, runAs, onLine);
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
  };
  return new Application(open, settings, signal);
}

function openLedger(dir: string, options: Omit<LedgerOptions, 'path' | 'attemptsPath'>): Ledger {
  return new Ledger({
    path: join(dir, 'journal.json'),
    attemptsPath: join(dir, 'attempts.json'),
    ...options,
  });
}

/** What keeps this host from running what is wanted. */
class Trouble {
  readonly #onChange: () => void;
  #error: DeployError | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get error(): DeployError | undefined {
    return this.#error;
  }

  /** @param error undefined when nothing does. */
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

/** Where scripts and programs print to, and the supervised program with its ports. @param onLine gets each line of either. */
async function openProcesses(
  options: ApplicationOptions,
  as: RunAs | undefined,
  onLine: (line: string) => void,
): Promise<{ readonly output: OutputDirectory; readonly supervised: OpenProgram | undefined }> {
  const { program, dir, log, onChange } = options;
  const output = outputIn(options, onLine);
  await output.adopt();
  if (program === undefined) return { output, supervised: undefined };
  try {
    const supervised = await openProgram({
      ...program,
      as,
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

/** A script may come with the first release, so it is no reason not to start. */
function warnOfPrograms({ script, hooks }: AgentSettings, log: Logger): void {
  for (const command of [script, ...Object.values(hooks)].filter((each) => each !== undefined)) {
    try {
      programFile(command, process.env.PATH);
    } catch (error) {
      log.warn({ err: describeError(error) }, 'a deployment would fail now: a script or hook cannot be run');
    }
  }
}

/** @param onLine what an agent before this one had started goes on with the attempt that it was started for. */
function outputIn({ dir, log }: ApplicationOptions, onLine: (line: string) => void): OutputDirectory {
  return new OutputDirectory({
    dir: join(dir, 'output'),
    onEarlierLine: (stream, line) => {
      onLine(line);
      log.info({ stream }, line);
    },
    onTrouble: (message) => log.warn(message),
  });
}

/** Directories that are nobody else's business: what they hold is also in releases that may be closed, or is ours alone. */
const PRIVATE = ['cache', 'manifests', 'records', 'incoming'];

/** The Go agent, or one of ours before, may have made them open to others. */
function closePrivate(dir: string): void {
  for (const name of PRIVATE) {
    const path = join(dir, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true || stats.uid !== process.geteuid?.()) continue;
    if ((stats.mode & 0o077) !== 0) chmodDirectory(path, stats.mode & 0o700);
  }
}

/**
 * Lets the user's group into what the agent keeps closed to others, so that scripts can read releases. Directories above
 * are not touched.
 */
function letIn(runAs: RunAs, ...directories: readonly string[]): void {
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
