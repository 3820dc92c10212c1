import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import type { Launch } from './start-child.js';

/** The time that a new program has to live before it takes over. */
export const MIN_UP_MS = 1000;

/** How a program takes over: beside the old one, with its sockets (`fd`); or after the old one has ended (`restart`). */
export type Handoff = (typeof HANDOFFS)[number];

const HANDOFFS = ['fd', 'restart'] as const;

export const SUPERVISE_FLAGS = [
  flag.list(
    'port',
    '[HOST:]PORT that is opened for the program after --, which gets it as a file descriptor',
  ),
  flag.text(
    'handoff',
    'how a new program takes over: fd, beside the old one, with the sockets of -port; restart, after the old one has ended, for one that opens its port itself',
    { default: 'fd', oneOf: HANDOFFS },
  ),
  flag.duration('stop-timeout', 'time that the program has to end after SIGTERM, before SIGKILL', {
    default: '30s',
    min: 0,
    max: 24 * 3_600_000,
  }),
] as const satisfies readonly FlagSpec[];

export interface ProgramSettings {
  readonly command: Launch['command'];
  readonly ports: readonly string[];
  readonly handoff: Handoff;
  readonly stopTimeoutMs: number;
}

/** Reads the settings of the program; undefined without one. */
export function programSettings(
  flags: FlagValues<typeof SUPERVISE_FLAGS>,
  command: Launch['command'] | undefined,
): ProgramSettings | undefined {
  if (command === undefined) return undefined;
  const handoff = HANDOFFS.find((known) => known === flags.handoff) ?? 'fd';
  return { command, ports: flags.port, handoff, stopTimeoutMs: flags['stop-timeout'] };
}
