import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import type { Launch } from './start-child.js';

/** A new program has to live for so long before it is asked whether it is healthy. */
export const MIN_UP_MS = 1000;

/** How a program takes over: with the sockets of the one before, beside it; or after that has ended. */
export type Handoff = (typeof HANDOFFS)[number];

const HANDOFFS = ['fd', 'restart'] as const;

/** What the agent takes on its command line for the program after `--`. */
export const SUPERVISE_FLAGS = [
  {
    name: 'port',
    type: 'list',
    help: '[HOST:]PORT that is opened for the program after --, which gets it as a file descriptor',
  },
  {
    name: 'handoff',
    type: 'string',
    help: 'how a new program takes over: fd, beside the old one, with the sockets of -port; restart, after the old one has ended, for one that opens its port itself',
    default: 'fd',
    oneOf: HANDOFFS,
  },
  {
    name: 'stop-timeout',
    type: 'duration',
    help: 'time that the program has to end after SIGTERM, before SIGKILL',
    default: '30s',
    min: 0,
    max: 24 * 3_600_000,
  },
] as const satisfies readonly FlagSpec[];

/** The program after `--`, as the flags say it is run. */
export interface ProgramSettings {
  readonly command: Launch['command'];
  /** As `-port` has them. */
  readonly ports: readonly string[];
  readonly handoff: Handoff;
  readonly stopTimeoutMs: number;
}

/** @returns undefined where there is no program. */
export function programSettings(
  flags: FlagValues<typeof SUPERVISE_FLAGS>,
  command: Launch['command'] | undefined,
): ProgramSettings | undefined {
  if (command === undefined) return undefined;
  const handoff = HANDOFFS.find((known) => known === flags.handoff) ?? 'fd';
  return { command, ports: flags.port, handoff, stopTimeoutMs: flags['stop-timeout'] };
}
