import { backoffMs } from '@deploy-tools/shared/backoff.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../../host/either-signal.js';
import type { Timers } from '../../host/timers.js';
import { type Charge, CRASH_BACKOFF, type CrashBackoff, chargeOf } from './charge.js';
import { childrenThatRun, writeChildren } from './child-record.js';
import type { Listener } from './open-listeners.js';
import { type Launch, type ProgramChild, startChild, stopChild } from './start-child.js';
import type { Handoff } from './supervise-flags.js';
import type { ProgramLine, SupervisorEvent } from './supervisor-event.js';
import { SwitchQueue } from './switch-queue.js';

/** The time that a program which failed its proof has to finish its share of the connections. */
const UNPROVEN_GRACE_MS = 2000;

export interface SupervisorOptions {
  readonly listeners: readonly Listener[];
  readonly handoff?: Handoff;
  /** The record of running programs, for the next agent; see end-earlier-children.ts. */
  readonly recordPath: string;
  readonly stopTimeoutMs: number;
  /** The time that a new program has to live before it takes over. */
  readonly minUpMs: number;
  readonly backoff?: CrashBackoff;
  readonly timers: Timers;
  readonly onLine: (line: ProgramLine) => void;
  readonly onEvent: (event: SupervisorEvent) => void;
}

/**
 * Proves that a new program works, or rejects. The signal is aborted when the program dies or the switch is cancelled; the proof
 * then has to reject soon. Old and new program share the sockets, so a check has to find out which one answers (open-check.ts).
 */
export type Prove = (program: ProgramChild, signal: AbortSignal) => Promise<void>;

interface Switched {
  readonly program: ProgramChild;
  /** Aborted when this run ends by itself. */
  readonly crashed: AbortSignal;
  /** Resolves when no other program runs any more. Never rejects. */
  readonly drained: Promise<void>;
}

interface InCharge {
  readonly launch: Launch;
  readonly program: ProgramChild | undefined;
  /** Aborted when the present run ends by itself, with a DeployError as its reason. */
  readonly crashed: AbortSignal;
}

/**
 * Keeps one program running and replaces it without a gap. Old and new program share the listening sockets; the old one gets TERM
 * when the new one has lived for a while and was proven. A new program that fails is stopped within two seconds, and the old one
 * runs on. With the handoff `restart` the old one ends first, and starts again when the new one fails. Switches wait for each other.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  /** All running programs: in charge, not proven yet, or draining. The value is the end in progress. */
  readonly #children = new Map<ProgramChild, Promise<void> | undefined>();
  #charge: Charge | undefined;
  #generation = 0;
  readonly #switches = new SwitchQueue();
  #stopped: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The program in charge, whose `program` is undefined in the pause after a crash; undefined before the first. */
  get inCharge(): InCharge | undefined {
    if (this.#charge === undefined) return undefined;
    const { launch, child: program, crash } = this.#charge;
    return { launch, program, crashed: crash.signal };
  }

  get ports(): readonly number[] {
    return this.#options.listeners.map(({ port }) => port);
  }

  /** The directories of all running programs, also draining ones. */
  get directories(): readonly string[] {
    return [...this.#children.keys()].map(({ launch }) => launch.cwd);
  }

  /** Puts a program in charge that was proven before, as at the start of the agent. */
  start(launch: Launch): void {
    if (this.#charge !== undefined || this.#stopped !== undefined)
      throw new DeployError('internal', 'a program was started while one is in charge');
    this.#putInCharge(launch);
  }

  /**
   * Starts a program beside the one in charge and lets it take over. Interrupts a restart in progress.
   * @param signal cancels the switch; the end of the new program is awaited only where the old one cannot run beside it.
   * @returns as soon as the new program is in charge and the old one got TERM.
   * @throws DeployError unhealthy when the new one dies, what `prove` throws, the reason of the signal; the old one stays in charge.
   */
  switchTo(launch: Launch, prove: Prove, signal: AbortSignal): Promise<Switched> {
    return this.#switches.switch(() => this.#switchTo(launch, prove, signal));
  }

  /**
   * Starts another run of the program in charge and lets it take over, after earlier switches. A switch that interrupts the restart
   * and succeeds replaces it.
   * @returns when the earlier run has ended.
   * @throws DeployError not-found when no program runs.
   */
  async restart(prove: Prove, signal: AbortSignal): Promise<void> {
    let stayed: Charge | undefined;
    const restarted = await this.#switches.restart(async (stop) => {
      const charge = this.#charge;
      if (charge === undefined) throw new DeployError('not-found', 'no program runs that could be restarted');
      if (stayed !== undefined && charge !== stayed) return undefined;
      try {
        stop.throwIfAborted();
        return await this.#switchTo(charge.launch, prove, stop);
      } finally {
        stayed = this.#charge;
      }
    }, signal);
    await restarted?.drained;
  }

  /** Ends all programs for good: TERM, time to drain, KILL. Resolves when none runs. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    this.#charge?.over.abort();
    await Promise.all([...this.#children.keys()].map((child) => this.#end(child)));
    await this.#switches.settled;
    await this.#charge?.kept;
    await Promise.all([...this.#children.keys()].map((child) => this.#end(child)));
  }

  async #switchTo(launch: Launch, prove: Prove, signal: AbortSignal): Promise<Switched> {
    const { handoff, timers } = this.#options;
    const [before, began] = [this.#charge, timers.now()];
    if (handoff !== 'restart' || before === undefined)
      return this.#takeOver(before, await this.#startProven(launch, prove, signal));
    await this.#vacate(before);
    try {
      const next = await this.#startProven(launch, prove, signal);
      return this.#takeOver(before, next, Math.round(timers.now() - began));
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#putInCharge(before.launch);
      throw error;
    }
  }

  /** Ends a program, and waits until nothing of it can start any more. */
  async #vacate(charge: Charge): Promise<void> {
    const { child } = charge;
    charge.over.abort();
    if (child !== undefined) await this.#end(child);
    await charge.kept; // it may be starting just now
    charge.child = undefined;
  }

  async #startProven(launch: Launch, prove: Prove, signal: AbortSignal): Promise<ProgramChild> {
    signal.throwIfAborted();
    const next = await this.#start(launch);
    const stop = eitherSignal(signal, this.#stopping.signal, next.died);
    try {
      const { minUpMs, timers } = this.#options;
      await Promise.all([timers.sleep(minUpMs, stop.signal), prove(next, stop.signal)]);
      stop.signal.throwIfAborted();
      return next;
    } catch (error) {
      const death: unknown = next.died.reason; // before the end below gives another reason
      const end = this.#end(next, UNPROVEN_GRACE_MS);
      if (!signal.aborted || this.#options.handoff === 'restart') await end;
      throw death ?? error;
    } finally {
      stop.clear();
    }
  }

  #takeOver(before: Charge | undefined, next: ProgramChild, gapMs?: number): Switched {
    const { crash } = this.#putInCharge(next.launch, next);
    this.#tell('in-charge', next, gapMs);
    before?.over.abort();
    return { program: next, crashed: crash.signal, drained: this.#endOthers(next, before) };
  }

  #putInCharge(launch: Launch, child?: ProgramChild): Charge {
    this.#charge = chargeOf(launch, child);
    this.#charge.kept = this.#keepRunning(this.#charge);
    return this.#charge;
  }

  async #endOthers(next: ProgramChild, before: Charge | undefined): Promise<void> {
    const end = (child: ProgramChild) => (child === next ? undefined : this.#end(child));
    await Promise.all([...[...this.#children.keys()].map(end), before?.kept]);
  }

  async #start(launch: Launch): Promise<ProgramChild> {
    this.#stopping.signal.throwIfAborted();
    this.#generation += 1;
    const generation = this.#generation;
    const { listeners, onLine } = this.#options;
    let own = 0;
    const child = await startChild({
      launch,
      generation,
      listeners,
      beforeRun: (pid) => {
        own = pid;
        this.#record([{ pid, generation }]);
      },
      onLine: (stream, line) => onLine({ pid: own, generation, stream, line }),
    });
    this.#children.set(child, undefined);
    void child.ended.then(() => {
      if (this.#children.get(child) === undefined) void this.#end(child); // ends the rest of its group
    });
    this.#tell('started', child);
    return child;
  }

  /** Starts the program whenever it does not run, with a growing backoff, until its charge is over. */
  async #keepRunning(charge: Charge): Promise<void> {
    const { timers, backoff = CRASH_BACKOFF } = this.#options;
    let crashes = 0;
    for (;;) {
      const started = timers.now();
      const error = await this.#runOnce(charge);
      if (charge.over.signal.aborted) return;
      const upMs = timers.now() - started;
      crashes = upMs >= backoff.stableMs ? 1 : crashes + 1;
      const pause = backoffMs(crashes, backoff);
      const generation = charge.child?.generation ?? this.#generation;
      charge.child = undefined;
      charge.crash.abort(error);
      this.#options.onEvent({ kind: 'crashed', error, generation, upMs, restartInMs: pause });
      await timers.sleep(pause, charge.over.signal).catch((thrown: unknown) => {
        if (!charge.over.signal.aborted) throw thrown;
      });
      if (charge.over.signal.aborted) return;
      charge.crash = new AbortController();
    }
  }

  /** Runs a program to its end. @returns how it ended. */
  async #runOnce(charge: Charge): Promise<DeployError> {
    try {
      charge.child ??= await this.#start(charge.launch);
      if (charge.over.signal.aborted) await this.#end(charge.child);
      await charge.child.ended;
      return toDeployError(charge.child.died.reason);
    } catch (error) {
      return toDeployError(error);
    }
  }

  /** Ends a program, once for all callers. @param mostMs an upper bound of the time between TERM and KILL. */
  #end(child: ProgramChild, mostMs = Number.POSITIVE_INFINITY): Promise<void> {
    const asked = this.#children.get(child);
    if (asked !== undefined || !this.#children.has(child)) return asked ?? Promise.resolve();
    if (!child.died.aborted) this.#tell('stopping', child);
    const { stopTimeoutMs, timers, onEvent } = this.#options;
    const end = stopChild(child, Math.min(stopTimeoutMs, mostMs), timers).then((how) => {
      this.#children.delete(child);
      this.#record([]);
      onEvent({ kind: 'ended', pid: child.pid, generation: child.generation, killed: how === 'killed' });
    });
    this.#children.set(child, end);
    return end;
  }

  #tell(kind: 'started' | 'in-charge' | 'stopping', { pid, generation }: ProgramChild, gapMs?: number): void {
    this.#options.onEvent({ kind, pid, generation, ...(gapMs === undefined ? {} : { gapMs }) });
  }

  #record(more: readonly Pick<ProgramChild, 'pid' | 'generation'>[]): void {
    try {
      writeChildren(this.#options.recordPath, childrenThatRun([...this.#children.keys(), ...more]));
    } catch (error) {
      this.#options.onEvent({ kind: 'unrecorded', error: toDeployError(error) }); // a full disk stops no service
    }
  }
}
