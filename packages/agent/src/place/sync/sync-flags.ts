import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';

/** Timers of Node.js fire at once beyond 31 bits of milliseconds. */
const LONGEST_MS = 24 * 3_600_000;

/** What the agent takes on its command line for a destination, and for sparing network and registry. */
export const SYNC_FLAGS = [
  {
    name: 'dest',
    type: 'string',
    help: 'directory that each release is synced to before the script runs; none without',
  },
  {
    name: 'sync',
    type: 'string',
    help: 'how a release gets to -dest: rsync (rsync(1) -a --delete, has to be installed), mv (a copy takes the name, which must be free), release (a fresh copy beside and a symlink that is switched)',
    default: 'rsync',
  },
  { name: 'exclude', type: 'list', help: 'pattern that leaves something out of -dest; needs rsync(1)' },
  {
    name: 'exclude-from',
    type: 'string',
    help: 'file of such patterns: a relative path is in the release',
  },
  { name: 'dest-mode', type: 'string', help: 'mode of -dest, octal', default: '0755' },
  {
    name: 'max-bandwidth',
    type: 'size',
    help: 'most bytes a second that are fetched over the connection, such as 10MB',
    min: 1024,
  },
  {
    name: 'random-delay',
    type: 'duration',
    help: 'wait up to so long, at random, before each deployment',
    default: '0s',
    min: 0,
    max: LONGEST_MS,
  },
] as const satisfies readonly FlagSpec[];
