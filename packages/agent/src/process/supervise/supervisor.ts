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

/** A program that failed its proof already serves a share of the connections: it has this long to finish them. */
const UNPROVEN_GRACE_MS = 2000;

export interface SupervisorOptions {
  readonly listeners: readonly Listener[];
  /** Whether old and new run side by side for a while, or the old one ends before the new one starts. */
  readonly handoff?: Handoff;
  /** Names what runs, for an agent after one that was killed; see end-earlier-children.ts. */
  readonly recordPath: string;
  /** Between TERM and KILL. */
  readonly stopTimeoutMs: number;
  /** A new program that does not live for so long is not taken, however soon it is proven. */
  readonly minUpMs: number;
  readonly backoff?: CrashBackoff;
  readonly timers: Timers;
  readonly onLine: (line: ProgramLine) => void;
  readonly onEvent: (event: SupervisorEvent) => void;
}

/**
 * Says whether a new program works, by rejecting when it does not. The signal is aborted when the program dies or the
 * switch is called off, and then it has to reject soon.
 *
 * Old and new share the sockets, so a check of such a port may be answered by the old one; it has to see to it who does
 * (connect-to-program.ts).
 */
export type Prove = (program: ProgramChild, signal: AbortSignal) => Promise<void>;

/** A program that took over. */
export interface Switched {
  readonly program: ProgramChild;
  /** Aborted when this run ends by itself, from the moment that it took over. */
  readonly crashed: AbortSignal;
  /** Resolves when no other one runs any more, such as the one before; at once when there is none. Never rejects. */
  readonly drained: Promise<void>;
}

export interface InCharge {
  readonly launch: Launch;
  readonly program: ProgramChild | undefined;
  /** Aborted when the run that goes on, or begins, ends by itself, with a DeployError as its reason. */
  readonly crashed: AbortSignal;
}

/**
 * Keeps one program running and replaces it without a gap: old and new share the listening sockets, and the old one gets
 * TERM when the new one has lived for a while and was proven. A new one that fails is stopped within two seconds, the old one
 * goes on untouched. With the handoff `restart` the old one ends first, and is started again when the new one fails. Switches
 * wait for each other.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  /** Everything that runs: in charge, not proven yet, draining. With the end that was asked for. */
  readonly #children = new Map<ProgramChild, Promise<void> | undefined>();
  #charge: Charge | undefined;
  #generation = 0;
  readonly #switches = new SwitchQueue();
  #stopped: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** What is in charge; its `program` is undefined in the pause after a crash. Undefined before the first. */
  get inCharge(): InCharge | undefined {
    if (this.#charge === undefined) return undefined;
    const { launch, child: program, crash } = this.#charge;
    return { launch, program, crashed: crash.signal };
  }

  /** On which its programs listen. */
  get ports(): readonly number[] {
    return this.#options.listeners.map(({ port }) => port);
  }

  /** Of all that runs, also of what drains. */
  get directories(): readonly string[] {
    return [...this.#children.keys()].map(({ launch }) => launch.cwd);
  }

  /**
   * Puts a program in charge that was proven before, as at the start of the agent. One that does not run counts
   * as crashed and is started again.
   */
  start(launch: Launch): void {
    if (this.#charge !== undefined || this.#stopped !== undefined)
      throw new DeployError('internal', 'a program was started while one is in charge');
    this.#putInCharge(launch);
  }

  /**
   * Starts a program beside the one in charge and lets it take over. It interrupts a restart that is not over yet.
   * @param signal calls it off; the end of the new one is waited for then only where the old one cannot run beside it.
   * @returns as soon as the new one is in charge and the old one got TERM.
   * @throws DeployError unhealthy when it dies, what `prove` throws, the reason of the signal; the old one is in charge then.
   */
  switchTo(launch: Launch, prove: Prove, signal: AbortSignal): Promise<Switched> {
    return this.#switches.switch(() => this.#switchTo(launch, prove, signal));
  }

  /**
   * Starts the program in charge anew and lets it take over, after the switches before it. If a switch
   * interrupted it and that program took over, there is nothing left to do.
   * @returns when the run before has ended.
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

  /** Ends everything: TERM, time to drain, KILL. Nothing is started after. Resolves when nothing runs. */
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

  /** Nothing runs of it any more, and nothing is started. */
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
      const death: unknown = next.died.reason; // not of the end that follows
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
      if (this.#children.get(child) === undefined) void this.#end(child); // what it left behind
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

  /** Resolves when the run has ended, with how. */
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

  /** Ends a program, once however many ask. @param mostMs between TERM and KILL, where that is shorter. */
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
