import { closeSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { MAX_TIMER_MS } from '@deploy-tools/shared/duration.js';
import { DeployError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncTree as flushTree } from '../../host/sync-filesystem.js';
import { requireProgram } from '../../process/script/program-file.js';
import { type GroupEnd, runInGroup, stillRuns } from '../../process/script/run-in-group.js';
import { type HeldDirectory, pathForPrograms, withNames } from '../../release/unpack/held-directory.js';
import { holdIn } from './check-destination.js';
import { openRules } from './exclude-rules.js';
import type { SyncCounts, SyncRequest, SyncStats } from './sync-request.js';

/** Lines of standard error in an error message. */
const MAX_COMPLAINTS = 3;
const COUNT = /^(.*?): ([\d,.]+)/;
/** What the lines of --stats count; versions of rsync(1) word the first in two ways. */
const COUNTS: Readonly<Partial<Record<string, keyof SyncCounts>>> = {
  'Number of files transferred': 'files',
  'Number of regular files transferred': 'files',
  'Number of deleted files': 'deleted',
  'Total transferred file size': 'bytes',
};
const STATS = /^(Number of |Total |Literal data|Matched data|File list |sent \d|total size|$)/;

/** Whether a sync needs rsync(1): for the strategy of that name, and for rules that leave something out. */
export function needsRsync({ strategy, excludes, excludeFrom }: RsyncNeed): boolean {
  return strategy === 'rsync' || excludes.length > 0 || excludeFrom !== undefined;
}

type RsyncNeed = Pick<SyncRequest, 'strategy' | 'excludes' | 'excludeFrom'>;

/** @param path the environment's PATH. @throws DeployError usage where rsync(1) is needed and missing. */
export function requireRsync(sync: RsyncNeed, path = process.env.PATH): void {
  if (!needsRsync(sync)) return;
  try {
    requireProgram('rsync', path === undefined ? {} : { PATH: path });
  } catch (error) {
    const isRsync = sync.strategy === 'rsync';
    const what = isRsync ? 'the strategy rsync is' : `excludes, also with the strategy ${sync.strategy}, are`;
    throw new DeployError('usage', `rsync(1) is nowhere in PATH, and ${what} its work`, {
      hint: `install rsync, or ${isRsync ? 'use the strategy mv or release' : 'leave the excludes out'}`,
      cause: error,
    });
  }
}

/** Makes the destination like the source, by rsync(1). */
export async function rsyncInto(
  sync: SyncRequest,
  parent: HeldDirectory,
  signal: AbortSignal,
): Promise<SyncStats> {
  const { to, destMode, durable } = sync;
  const held = holdIn(parent, basename(to), destMode);
  try {
    const root = realpathSync(held.self);
    const counts = await runRsync({ ...sync, to: held.self }, signal);
    held.chmod(destMode); // rsync(1) gave it the mode of the source.
    if (durable !== false) await flushTree(root);
    return { ...counts, root };
  } catch (error) {
    const { kind, message, hint } = withNames(error);
    const hints = [...(hint === undefined ? [] : [hint]), 'syncing again completes it'];
    throw new DeployError(
      kind,
      `${message}; ${to} may be partly synced: each file in it is whole, new or old`,
      { hint: hints.join('; '), cause: error },
    );
  } finally {
    held.close();
  }
}

/**
 * Runs `rsync -a --delete` from the content of one directory into another, which exists and is rsync's working directory: it may be a
 * path through a handle.
 * @throws DeployError usage: rsync(1) is missing; as openRules; no-space, denied or script, with rsync's last lines; cancelled.
 */
export async function runRsync(request: SyncRequest, signal: AbortSignal): Promise<SyncCounts> {
  requireRsync(request);
  const rules = openRules(request);
  const lines = new Lines(request);
  const end = await runInGroup({
    program: 'rsync',
    args: argumentsOf(request),
    cwd: request.to,
    environment: environment(),
    ...(rules === undefined ? {} : { stdinFd: rules }),
    timeoutMs: MAX_TIMER_MS,
    signal,
    onLine: (stream, line) => lines.take(stream, line),
  })
    .catch((error: unknown) => {
      throw new DeployError('script', `rsync cannot be started: ${toDeployError(error).message}`, {
        cause: error,
      });
    })
    .finally(() => {
      if (rules !== undefined) closeSync(rules);
    });
  return resultOf(end, lines);
}

function resultOf({ stopped, code, signal, survivor }: GroupEnd, lines: Lines): SyncCounts {
  if (survivor !== undefined)
    throw new DeployError('script', `rsync was to be stopped, but ${stillRuns(survivor)}`, {
      hint: 'look what it waits for (ps -o wchan), such as a disk or a network that does not answer',
    });
  if (stopped === 'abort') throw new DeployError('cancelled', 'stopped before it was done');
  if (code === 0) return lines.counts;
  const how = code === null ? `was ended by ${signal}` : `ended with status ${code}`;
  const said = lines.said();
  throw new DeployError(kindOf(said), `rsync ${how}: ${said}`);
}

/** Recognises errors of the host by the system's messages under LC_ALL=C. */
function kindOf(said: string): ErrorKind {
  if (/No space left on device|Disk quota exceeded/.test(said)) return 'no-space';
  return /Permission denied|Operation not permitted|Read-only file system/.test(said) ? 'denied' : 'script';
}

function argumentsOf(request: SyncRequest): string[] {
  const { from, excludes, excludeFrom, verbose, compare, deleteFirst } = request;
  return [
    '-a',
    deleteFirst === true ? '--delete-before' : '--delete',
    '--stats',
    ...(verbose ? ['-v'] : []),
    ...(compare === 'content' ? ['--checksum'] : []),
    ...(excludeFrom === undefined ? [] : ['--exclude-from=-']), // standard input
    ...excludes.map((rule) => `--exclude=${rule}`),
    '--',
    `${pathForPrograms(from)}/`,
    './',
  ];
}

/** LC_ALL=C because the output is parsed; without variables that change how rsync reads its arguments. */
function environment(): Record<string, string> {
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name.startsWith('RSYNC_') ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(inherited), LC_ALL: 'C' };
}

/** Collects the counts and the last lines of standard error, and passes other lines on to the log. */
class Lines {
  readonly #request: SyncRequest;
  readonly #complaints: string[] = [];
  readonly counts = { files: 0, deleted: 0, bytes: 0 };

  constructor(request: SyncRequest) {
    this.#request = request;
  }

  take(stream: 'stdout' | 'stderr', line: string): void {
    const { verbose, log } = this.#request;
    if (stream === 'stderr') {
      this.#complaints.push(line);
      if (this.#complaints.length > MAX_COMPLAINTS) this.#complaints.shift();
      log(line);
    } else if (!STATS.test(line)) {
      if (verbose) log(line);
    } else {
      const [, what = '', digits = ''] = COUNT.exec(line) ?? [];
      const key = COUNTS[what];
      if (key !== undefined) this.counts[key] = Number(digits.replace(/\D/g, ''));
    }
  }

  said(): string {
    return this.#complaints.join('; ') || 'it said nothing';
  }
}
