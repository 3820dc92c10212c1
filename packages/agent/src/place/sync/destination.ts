import { normalize, resolve } from 'node:path';
import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { isWithin } from '@deploy-tools/shared/host/is-within.js';
import { areApart, directoriesOf, realPlace } from './destination-paths.js';
import { requireRsync } from './run-rsync.js';
import { SYNC_STRATEGIES, type SyncRequest } from './sync-request.js';

/** Timers of Node.js fire at once beyond 31 bits of milliseconds. */
const LONGEST_MS = 24 * 3_600_000;

/** The agent's flags for a destination, and for limits of network use. */
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

/** Where each release is synced to, and how. */
export type Destination = Pick<SyncRequest, 'to' | 'strategy' | 'excludes' | 'excludeFrom' | 'destMode'>;

type DestinationFlags = Pick<
  FlagValues<typeof SYNC_FLAGS>,
  'dest' | 'sync' | 'exclude' | 'exclude-from' | 'dest-mode'
> & { readonly state: string };

/** The destination by the flags; undefined without -dest. @param dir of the agent. @throws DeployError usage. */
export function destinationOf(flags: DestinationFlags, dir: string): Destination | undefined {
  const strategy = SYNC_STRATEGIES.find((known) => known === flags.sync);
  if (strategy === undefined)
    throw new DeployError('usage', `invalid value "${flags.sync}" for flag -sync`, {
      hint: `use ${SYNC_STRATEGIES.join(', ')}`,
    });
  const mode = flags['dest-mode'];
  if (!/^[0-7]{3,4}$/.test(mode))
    throw new DeployError('usage', `invalid value "${mode}" for flag -dest-mode`, {
      hint: 'write it in octal, such as 0755',
    });
  const excludeFrom = excludeFromOf(flags['exclude-from']);
  if (flags.dest === undefined || flags.dest === '') {
    if (flags.exclude.length > 0 || excludeFrom !== undefined)
      throw new DeployError('usage', '-exclude and -exclude-from need a destination', {
        hint: 'name it with -dest',
      });
    return undefined;
  }
  const to = resolve(flags.dest);
  checkApart({ to, strategy }, dir, flags.state);
  requireRsync({ strategy, excludes: flags.exclude, excludeFrom });
  return { to, strategy, excludes: flags.exclude, excludeFrom, destMode: Number.parseInt(mode, 8) };
}

function excludeFromOf(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  const clean = normalize(path);
  if (clean !== '..' && !clean.startsWith('../')) return clean;
  throw new DeployError('usage', `-exclude-from ${path} is outside of the release`, {
    hint: 'a relative path is in the release; name a file of the host with an absolute one',
  });
}

/** Refuses a destination that contains files of the agent: a sync would remove them. */
function checkApart(destination: Pick<Destination, 'to' | 'strategy'>, dir: string, state: string): void {
  const directories = directoriesOf(destination);
  if (!directories.every((directory) => areApart(directory, realPlace(dir))))
    throw new DeployError(
      'usage',
      `-dest ${destination.to} and the agent's directory ${resolve(dir)} are one in the other`,
      { hint: 'give one of them another place' },
    );
  if (directories.some((directory) => isWithin(directory, realPlace(state))))
    throw new DeployError('usage', `the state file ${resolve(state)} is in -dest ${destination.to}`, {
      hint: 'give it another place with -state',
    });
}
