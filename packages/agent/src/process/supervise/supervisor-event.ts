import type { DeployError } from '@deploy-tools/shared/errors.js';

export interface ProgramLine {
  readonly pid: number;
  readonly generation: number;
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** An event of a program, for the log and for reports. */
export type SupervisorEvent =
  | {
      readonly kind: 'started' | 'in-charge' | 'stopping';
      readonly pid: number;
      readonly generation: number;
      /** With the handoff `restart`: how long no program was in charge. */
      readonly gapMs?: number;
    }
  | {
      /** No process of its group is alive any more. */
      readonly kind: 'ended';
      readonly pid: number;
      readonly generation: number;
      /** Whether it did not end within the time to stop. */
      readonly killed: boolean;
    }
  | {
      /** The program in charge ended by itself, with any status, or could not be started again. */
      readonly kind: 'crashed';
      readonly error: DeployError;
      readonly generation: number;
      readonly upMs: number;
      /** The pause before it is started again. */
      readonly restartInMs: number;
    }
  /** The record of running programs cannot be written: should this agent be killed, the next one will not know them. */
  | { readonly kind: 'unrecorded'; readonly error: DeployError };
