import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, isMissing } from '@deploy-tools/shared/errors.js';
import { namesIn } from '@deploy-tools/shared/host/names-in.js';
import { processIdentity, runningProcess } from '../../host/process-identity.js';
import { KeptRun } from './kept-run.js';
import { closePipe, openablePipes, type Pipe } from './openable-pipe.js';
import { startKeeper } from './output-keeper.js';
import { pipedOutput } from './piped-output.js';
import type { RunAs } from './run-as.js';
import {
  type OnLine,
  OUTPUT_STREAMS,
  type OutputKind,
  type OutputPlace,
  orDrainTime,
  type RunOutput,
} from './run-output.js';

const SHORTEST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 250;
/** Rounds of reading a program's last output, since a busy host may be slow to keep it. */
const MAX_ROUNDS = 4;
/** The file that names the keepers of a run's output. */
const KEEPERS = 'keepers';
const RUN = /^(script|program)-/;

interface OutputDirectoryOptions {
  /** Made when it is needed; for this process alone. */
  readonly dir: string;
  /** Gets a line of a program that an earlier agent had started. Must not throw. */
  readonly onEarlierLine: OnLine;
  /** Called when lines are missing. Must not throw. */
  readonly onTrouble: (message: string) => void;
}

/**
 * The output of scripts and programs. They may outlive this process, so they print to keepers (output-keeper.ts), and this
 * process reads the keepers' files. A run's directory is removed when everything in it was read and no process can print more.
 */
export class OutputDirectory implements OutputPlace {
  readonly #options: OutputDirectoryOptions;
  readonly #runs = new Set<KeptRun>();
  #timer: NodeJS.Timeout | undefined;
  #pause = SHORTEST_LOOK_MS;
  #isClosed = false;

  constructor(options: OutputDirectoryOptions) {
    this.#options = options;
  }

  async open(kind: OutputKind, as: RunAs | undefined, onLine: OnLine): Promise<RunOutput> {
    try {
      mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 });
      return await this.#open(mkdtempSync(join(this.#options.dir, `${kind}-`)), as, onLine);
    } catch (error) {
      this.#options.onTrouble(`the output of programs does not outlive this agent: ${describeError(error)}`);
      return await pipedOutput(as, onLine);
    }
  }

  /** Reads the output of runs of an earlier agent, and continues with those that still print. */
  async adopt(): Promise<void> {
    const { dir, onEarlierLine } = this.#options;
    for (const name of namesIn(dir).filter((found) => RUN.test(found))) {
      const keepers = readKeepers(join(dir, name));
      const isOver = () => keepers.every((keeper) => runningProcess(keeper) === undefined);
      const run = this.#runIn(join(dir, name), isOver, onEarlierLine);
      if (run !== undefined) await this.#read(run);
    }
    this.#lookSoon();
  }

  /** Reads the output so far, and leaves the rest to the next agent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const run of this.#runs) await this.#read(run);
  }

  async #open(dir: string, as: RunAs | undefined, onLine: OnLine): Promise<RunOutput> {
    let pipes: readonly Pipe[] = [];
    try {
      pipes = await openablePipes(dir, OUTPUT_STREAMS, { as, reading: 'waits' });
      const keepers = OUTPUT_STREAMS.map((name, index) =>
        startKeeper(pipes[index]?.reading ?? -1, join(dir, name)),
      );
      const ended = Promise.all(keepers.map(endOf));
      const identities = keepers.map(({ pid }) => (pid === undefined ? undefined : processIdentity(pid)));
      writeFileSync(join(dir, KEEPERS), identities.map((identity) => `${identity}\n`).join(''));
      const isOver = () =>
        keepers.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
      const run = this.#runIn(dir, isOver, onLine);
      if (run === undefined || keepers.some(({ pid }) => pid === undefined)) throw await ended;
      return this.#outputOf(run, pipes, ended);
    } catch (error) {
      for (const pipe of pipes) closePipe(pipe);
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  #outputOf(run: KeptRun, pipes: readonly Pipe[], ended: Promise<unknown>): RunOutput {
    for (const { reading } of pipes) closeSync(reading);
    const [stdout, stderr] = pipes.map(({ writing }) => writing);
    return {
      stdio: [stdout ?? 'pipe', stderr ?? 'pipe'],
      handedOver: () => {
        for (const { writing } of pipes) closeSync(writing);
        this.#lookSoon();
      },
      drained: async (withinMs) => {
        for (let round = 0; round < MAX_ROUNDS; round += 1) {
          await orDrainTime(ended, withinMs);
          if (!(await this.#read(run)) || run.isRemoved) return;
        }
      },
    };
  }

  #runIn(dir: string, isOver: () => boolean, onLine: OnLine): KeptRun | undefined {
    try {
      const onLoss = (why: string) => this.#options.onTrouble(`some output of programs is lost: ${why}`);
      const run = new KeptRun({ dir, isOver, onLine, onLoss });
      this.#runs.add(run);
      return run;
    } catch (error) {
      this.#cannotRead(error);
      return undefined;
    }
  }

  #lookSoon(): void {
    clearTimeout(this.#timer);
    this.#pause = SHORTEST_LOOK_MS;
    this.#lookLater();
  }

  #lookLater(): void {
    if (this.#isClosed || this.#runs.size === 0) return;
    this.#timer = setTimeout(() => void this.#look(), this.#pause).unref();
  }

  async #look(): Promise<void> {
    let news = false;
    for (const run of [...this.#runs]) news = (await this.#read(run)) || news;
    this.#pause = news ? SHORTEST_LOOK_MS : Math.min(2 * this.#pause, LONGEST_LOOK_MS);
    clearTimeout(this.#timer);
    this.#lookLater();
  }

  async #read(run: KeptRun): Promise<boolean> {
    try {
      const news = await run.read();
      if (run.isRemoved) this.#runs.delete(run);
      return news;
    } catch (error) {
      this.#runs.delete(run);
      this.#cannotRead(error);
      return false;
    }
  }

  #cannotRead(error: unknown): void {
    this.#options.onTrouble(`the output of programs cannot be read: ${describeError(error)}`);
  }
}

function endOf(keeper: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    keeper.once('error', resolve);
    keeper.once('exit', resolve);
  });
}

/** The keepers of a run; none means that no program was started, since they are recorded before. */
function readKeepers(dir: string): string[] {
  try {
    return readFileSync(join(dir, KEEPERS), 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
