import { closeSync } from 'node:fs';
import { MAX_TIMER_MS } from '@deploy-tools/shared/duration.js';
import { DeployError, type ErrorKind, toDeployError } from '@deploy-tools/shared/errors.js';
import { requireProgram } from '../../process/script/program-file.js';
import { type GroupEnd, runInGroup, stillRuns } from '../../process/script/run-in-group.js';
import { pathForPrograms } from '../../release/unpack/held-directory.js';
import { openRules } from './exclude-rules.js';
import type { SyncCounts, SyncRequest } from './sync-request.js';

/** Lines of standard error that an error message tells. */
const TOLD_LINES = 3;
const STATS = /^(Number of |Total |Literal data|Matched data|File list |sent \d|total size|$)/;

/** Whether a sync is done by rsync(1): the strategy of that name, and whatever leaves something out. */
export function needsRsync({ strategy, excludes, excludeFrom }: RsyncNeed): boolean {
  return strategy === 'rsync' || excludes.length > 0 || excludeFrom !== undefined;
}

type RsyncNeed = Pick<SyncRequest, 'strategy' | 'excludes' | 'excludeFrom'>;

/** @param path of the environment. @throws DeployError usage where rsync(1) is needed and not there. */
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

/**
 * `rsync -a --delete` from the content of one directory into another, which is there. rsync(1) begins in that one, so a path by a handle
 * (held-directory.ts) is as good as its name.
 * @throws DeployError usage, where there is none; as openRules; no-space, denied, or else script, with what rsync said; cancelled.
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
  if (code === 0) return lines.counts();
  const how = code === null ? `was ended by ${signal}` : `ended with status ${code}`;
  const said = lines.said();
  throw new DeployError(kindOf(said), `rsync ${how}: ${said}`);
}

/** The host's own troubles, by the system's words for them, as LC_ALL=C has them. */
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

/** English, for its numbers are read; without what would change how rsync understands its arguments. */
function environment(): Record<string, string> {
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name.startsWith('RSYNC_') ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(inherited), LC_ALL: 'C' };
}

/** Keeps the numbers and the last complaints, and passes the rest on. */
class Lines {
  readonly #request: SyncRequest;
  readonly #complaints: string[] = [];
  readonly #counts = { files: 0, deleted: 0, bytes: 0 };

  constructor(request: SyncRequest) {
    this.#request = request;
  }

  take(stream: 'stdout' | 'stderr', line: string): void {
    if (stream === 'stderr') {
      this.#complaints.push(line);
      if (this.#complaints.length > TOLD_LINES) this.#complaints.shift();
      this.#request.log(line);
      return;
    }
    const number = (pattern: RegExp) => {
      const digits = pattern.exec(line)?.[1];
      return digits === undefined ? undefined : Number(digits.replace(/\D/g, ''));
    };
    this.#counts.files = number(/^Number of (?:regular )?files transferred: ([\d,.]+)/) ?? this.#counts.files;
    this.#counts.deleted = number(/^Number of deleted files: ([\d,.]+)/) ?? this.#counts.deleted;
    this.#counts.bytes = number(/^Total transferred file size: ([\d,.]+)/) ?? this.#counts.bytes;
    if (this.#request.verbose && !STATS.test(line)) this.#request.log(line);
  }

  counts(): SyncCounts {
    return this.#counts;
  }

  said(): string {
    return this.#complaints.join('; ') || 'it said nothing';
  }
}
