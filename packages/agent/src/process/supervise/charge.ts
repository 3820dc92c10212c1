import type { Launch, ProgramChild } from './start-child.js';

/** The program that is kept running, through crashes, until another takes over. */
export interface Charge {
  readonly launch: Launch;
  child: ProgramChild | undefined;
  /** Aborted when another took over, or all is stopped. */
  readonly over: AbortController;
  /** Of the run that goes on, or begins: aborted when it has ended by itself, and so in the pause that follows. */
  crash: AbortController;
  /** Resolves when it is over and nothing of it is started any more. */
  kept: Promise<void>;
}

export function chargeOf(launch: Launch, child: ProgramChild | undefined): Charge {
  return {
    launch,
    child,
    over: new AbortController(),
    crash: new AbortController(),
    kept: Promise.resolve(),
  };
}
