import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';

/** A new program has to live for so long before it is asked whether it is healthy. */
export const MIN_UP_MS = 1000;

/** What the agent takes on its command line for the program after `--`. */
export const SUPERVISE_FLAGS = [
  {
    name: 'port',
    type: 'list',
    help: '[HOST:]PORT that is opened for the program after --, which gets it as a file descriptor',
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
