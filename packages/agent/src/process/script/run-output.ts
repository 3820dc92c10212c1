import type { ChildProcess } from 'node:child_process';
import type { RunAs } from './run-as.js';

export type OutputStream = 'stdout' | 'stderr';
export type OnLine = (stream: OutputStream, line: string) => void;

export const OUTPUT_STREAMS = ['stdout', 'stderr'] as const;

/** How long output may still come after a program has ended: a process that it left behind may keep it open for ever. */
export const DRAIN_MS = 500;

/** Where one run of a program prints to. */
export interface RunOutput {
  /** Standard output and standard error, as spawn takes them. */
  readonly stdio: readonly [number | 'pipe', number | 'pipe'];
  /** The program was started, or could not be (undefined). To be called at once: the descriptors are closed here. */
  handedOver(child: ChildProcess | undefined): void;
  /**
   * To be called when the program has ended. Resolves when all lines that it printed were given out; those of a process
   * that it left behind are waited for so long at most, {@link DRAIN_MS} by default. Never rejects.
   */
  drained(withinMs?: number): Promise<void>;
}

/** Where runs print to that are to outlive the agent. */
export interface OutputPlace {
  /** Never rejects: where there is no better place it is a pipe of this process. @param kind what is run. */
  open(kind: OutputKind, as: RunAs | undefined, onLine: OnLine): Promise<RunOutput>;
}

export type OutputKind = 'script' | 'program';

/** Resolves with the first of both. */
export async function orDrainTime(all: Promise<unknown>, withinMs = DRAIN_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs);
  });
  await Promise.race([all, enough]);
  clearTimeout(timer);
}
