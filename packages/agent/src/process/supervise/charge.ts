import type { BackoffTimes } from '@deploy-tools/shared/backoff.js';
import type { Launch, ProgramChild } from './start-child.js';

/** The delays before a program that crashed is started again. */
export interface CrashBackoff extends BackoffTimes {
  /** A program that ran for so long is stable: its next crash counts as the first. */
  readonly stableMs: number;
}

export const CRASH_BACKOFF: CrashBackoff = { firstMs: 1000, maxMs: 60_000, stableMs: 600_000 };

/** A program that is kept running through crashes until another one takes over. */
export interface Charge {
  readonly launch: Launch;
  child: ProgramChild | undefined;
  /** Aborted when another program took over, or everything is stopped. */
  readonly over: AbortController;
  /** Aborted when the present run ends by itself, and so in the pause that follows. */
  crash: AbortController;
  /** Resolves when it is over, and nothing of it can start any more. */
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
