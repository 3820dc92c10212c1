import type { DeployError } from '@deploy-tools/shared/errors.js';

/** A line of a program's output. */
export interface ProgramLine {
  readonly pid: number;
  readonly generation: number;
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** What happens to programs, for the log and for reports. */
export type SupervisorEvent =
  | {
      readonly kind: 'started' | 'in-charge' | 'stopping';
      readonly pid: number;
      readonly generation: number;
      /** Of one that took over after the one before had ended: how long none of them was in charge. */
      readonly gapMs?: number;
    }
  | {
      /** No process of its group is alive any more, for any reason. */
      readonly kind: 'ended';
      readonly pid: number;
      readonly generation: number;
      /** It did not end within the time to stop. */
      readonly killed: boolean;
    }
  | {
      /** The program in charge ended by itself, with whatever status, or could not be started again. */
      readonly kind: 'crashed';
      readonly error: DeployError;
      readonly generation: number;
      readonly upMs: number;
      /** It is started again after this pause. */
      readonly restartInMs: number;
    }
  /** What runs cannot be written down: an agent after this one, should it be killed, will not know of it. */
  | { readonly kind: 'unrecorded'; readonly error: DeployError };
