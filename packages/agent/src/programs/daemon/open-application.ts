import { chownSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { type DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { AgentContext, AgentPaths, AgentSettings } from '../../deploy/agent-context.js';
import { AttemptFacts } from '../../deploy/attempt-facts.js';
import { Ledger } from '../../deploy/ledger.js';
import { Pause } from '../../deploy/pause.js';
import { RandomDelay } from '../../deploy/random-delay.js';
import { readWholeState } from '../../deploy/state-file.js';
import { type Wanted, WantedView } from '../../deploy/wanted-view.js';
import { Pushes } from '../../follow/pushes.js';
import { systemTimers } from '../../host/timers.js';
import { placedIn } from '../../place/placed-record.js';
import { OutputDirectory } from '../../process/script/output-directory.js';
import { programFile } from '../../process/script/program-file.js';
import { type RunAs, resolveUser, userEnvironment } from '../../process/script/run-as.js';
import { openProgram, type ProgramOptions } from '../../process/supervise/open-program.js';
import type { ProgramSettings } from '../../process/supervise/supervise-flags.js';
import { AssembleThreads } from '../../release/assemble/assemble-threads.js';
import { chmodDirectory } from '../../release/unpack/held-directory.js';
import { presentReport } from '../../tell/report/present-report.js';
import { checkStateIsOurs } from './state-place.js';

/** Releases that are made at once: each takes three channels of a connection, of 16 that a registry allows, and two threads. */
const BUILDS_AT_ONCE = 4;
/** A registry allows 64 open files in a session. */
const LOOKS_AT_ONCE = 16;

/** What goes on at once in one agent, whatever its configurations. */
export type SharedTurns = Pick<AgentContext, 'builds' | 'looks'>;

export function sharedTurns(): SharedTurns {
  return { builds: new Turns(BUILDS_AT_ONCE), looks: new Turns(LOOKS_AT_ONCE) };
}

export interface ApplicationOptions {
  readonly settings: AgentSettings;
  /** Absolute; taken already. */
  readonly dir: string;
  /** Absolute path of state.json. */
  readonly state: string;
  /** What is supervised, with its ports. */
  readonly program: ProgramSettings | undefined;
  /** What several configurations share; without it this one has its own. */
  readonly turns?: SharedTurns;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called after each change that is worth a report. Must not throw. */
  readonly onChange: () => void;
  readonly onProgress: () => void;
}

/** One configuration that is followed on this host, with all that is its own. */
export interface Application {
  readonly context: AgentContext;
  /** How far it is now. */
  present(): StateReport;
  /** What the registry wanted when it last answered. */
  wanted(): Wanted | undefined;
  /** Ends its program, gracefully, and its threads. */
  close(): Promise<void>;
}

/**
 * Opens the journal and the ports; nothing runs yet.
 * @throws DeployError corrupt: the journal; in-use, denied, invalid, not-found: a port.
 */
export async function openApplication(options: ApplicationOptions): Promise<Application> {
  const { settings, dir, state, log, signal, onChange, onProgress } = options;
  const paths = pathsIn(dir, state);
  const lastGood = () => readWholeState(state);
  const clock = () => new Date();
  const journal = { path: join(dir, 'journal.json'), attemptsPath: join(dir, 'attempts.json') };
  let trouble: DeployError | undefined;
  // Whoever can write the journal gets on.
  const onStep = () => {
    trouble = undefined;
    onChange();
  };
  const ledger = new Ledger({ ...journal, clock, lastGood, onChange: onStep });
  warnOfPrograms(settings, log);
  checkStateIsOurs(state, settings.name, { journal: ledger.journal, lastGood: lastGood() });
  const pause = new Pause(join(dir, 'paused'), onChange);
  const facts = new AttemptFacts(onProgress);
  const threads = new AssembleThreads();
  closePrivate(dir);
  const runAs = settings.user === undefined ? undefined : await resolveUser(settings.user);
  if (runAs !== undefined) letIn(runAs, dir, paths.unpacked);
  const onLine = (line: string) => {
    if (ledger.inFlight !== undefined) facts.log.push(line);
  };
  const output = outputIn(options, onLine);
  await output.adopt();
  const asked = { as: runAs, output, onLine, onCrash: onChange };
  const supervised = await openSupervised(options, asked).catch(async (error: unknown) => {
    await output.close();
    throw error;
  });
  const wanted = new WantedView(join(dir, 'confirmed'));
  const onWanted = (config: AgentConfig): void => {
    if (wanted.saw(config, clock(), lastGood())) onChange();
  };
  const onTrouble = (error: DeployError | undefined): void => {
    const isNews = trouble?.message !== error?.message;
    trouble = error;
    if (isNews) onChange();
  };
  const env = { ...process.env, ...userEnvironment(runAs) };
  const tools = {
    ...(options.turns ?? sharedTurns()),
    log,
    threads,
    ledger,
    pause,
    delay: new RandomDelay(settings.randomDelayMs, Math.random, systemTimers.now),
    facts,
    output,
    wishes: new Pushes(), // who follows it knows better
    calledOff: new AbortController().signal,
    onWanted,
    onTrouble,
    clock,
    timers: systemTimers,
    signal,
    runAs,
    env,
  };
  return {
    context: { paths, settings, ...tools, program: supervised?.program },
    present: () =>
      presentReport({
        ...{ config: settings.name, journal: ledger.journal, lastGood: lastGood(), facts },
        wanted: wanted.last?.config,
        paused: pause.holding,
        pause: pause.note,
        crash: supervised?.crash(),
        trouble,
      }),
    wanted: () => wanted.last,
    close: async () => {
      await supervised?.close();
      await output.close();
      await threads.stop();
    },
  };
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

async function openSupervised(
  { program, dir, log }: ApplicationOptions,
  more: Pick<ProgramOptions, 'as' | 'output' | 'onLine' | 'onCrash'>,
) {
  if (program === undefined) return undefined;
  return await openProgram({
    ...program,
    ...more,
    recordPath: join(dir, 'programs.json'),
    timers: systemTimers,
    log,
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
