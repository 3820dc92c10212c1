import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';

/** Timers of Node.js fire at once beyond 31 bits of milliseconds. */
const LONGEST_MS = 24 * 3_600_000;

/** What the agent takes on its command line for a destination, and for sparing network and registry. */
export const SYNC_FLAGS = [
  flag.text('dest', 'directory that each release is synced to before the script runs; none without'),
  flag.text(
    'sync',
    'how a release gets to -dest: rsync (rsync(1) -a --delete, has to be installed), mv (a copy takes the name, which must be free), release (a fresh copy beside and a symlink that is switched)',
    { default: 'rsync' },
  ),
  flag.list('exclude', 'pattern that leaves something out of -dest; needs rsync(1)'),
  flag.text('exclude-from', 'file of such patterns: a relative path is in the release'),
  flag.text('dest-mode', 'mode of -dest, octal', { default: '0755' }),
  flag.size('max-bandwidth', 'most bytes a second that are fetched over the connection, such as 10MB', {
    min: 1024,
  }),
  flag.duration('random-delay', 'wait up to so long, at random, before each deployment', {
    default: '0s',
    min: 0,
    max: LONGEST_MS,
  }),
] as const satisfies readonly FlagSpec[];
