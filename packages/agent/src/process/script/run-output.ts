import type { ChildProcess } from 'node:child_process';
import type { RunAs } from './run-as.js';

export type OutputStream = 'stdout' | 'stderr';
export type OnLine = (stream: OutputStream, line: string) => void;

export const OUTPUT_STREAMS = ['stdout', 'stderr'] as const;

/** The wait for output after the end of a program; a process that it left behind may keep the output open for ever. */
export const DRAIN_MS = 500;

export interface RunOutput {
  /** Standard output and standard error, as spawn takes them. */
  readonly stdio: readonly [number | 'pipe', number | 'pipe'];
  /** Takes the started program, or undefined when it could not be started, and closes our copies of the descriptors. */
  handedOver(child: ChildProcess | undefined): void;
  /**
   * Resolves when all lines of an ended program were given out. Waits for output of processes that it left behind at most
   * `withinMs`, by default {@link DRAIN_MS}. Never rejects.
   */
  drained(withinMs?: number): Promise<void>;
}

/** A place for the output of runs that outlive the agent. */
export interface OutputPlace {
  /** Opens the output of a run. Never rejects: without a better place it is a pipe of this process. */
  open(kind: OutputKind, as: RunAs | undefined, onLine: OnLine): Promise<RunOutput>;
}

export type OutputKind = 'script' | 'program';

/** Resolves with `all`, or after the time. */
export async function orDrainTime(all: Promise<unknown>, withinMs = DRAIN_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs);
  });
  await Promise.race([all, enough]);
  clearTimeout(timer);
}
