import { columns } from '@deploy-tools/shared/columns.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { printable } from '@deploy-tools/shared/printable.js';
import { type PauseNote, pauseText } from '@deploy-tools/shared/report/pause-note.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { Category } from '../core/fleet/assess.js';
import type { HostStatus } from '../core/fleet/fleet-status.js';
import type { Follower } from '../core/fleet/follower.js';

/** Characters of an error that a table shows. */
const MAX_REASON = 200;

export const CATEGORY_WORDS: Readonly<Record<Category, string>> = {
  failed: 'failed',
  lost: 'lost',
  unknown: 'unknown',
  pending: 'pending',
  'in-sync': 'in sync',
};

/** SGR codes (ECMA-48, 8.3.117): bold red, magenta, yellow, cyan, green. */
const COLORS: Readonly<Record<Category, string>> = {
  failed: '1;31',
  lost: '35',
  unknown: '33',
  pending: '36',
  'in-sync': '32',
};

/** Whether a flag for terminals (`always`, `never` or `auto`) asks for its effect. @throws DeployError usage. */
export function isWanted(flag: string, value: string, isTerminal: boolean): boolean {
  if (value === 'always' || value === 'never') return value === 'always';
  if (value === 'auto') return isTerminal;
  throw new DeployError('usage', `invalid ${flag} "${value}"`, { hint: 'use always, never or auto' });
}

/** Makes a line safe for a terminal and colours the category at its beginning. */
export function paint(text: string, category: Category, color: boolean): string {
  const safe = printable(text);
  const words = CATEGORY_WORDS[category].length;
  return color ? `\x1b[${COLORS[category]}m${safe.slice(0, words)}\x1b[0m${safe.slice(words)}` : safe;
}

/** Aligns one row for each host, each beginning with its category, and colours the categories. */
export function hostLines(
  hosts: readonly HostStatus[],
  row: (host: HostStatus) => readonly string[],
  color: boolean,
): string {
  const lines = columns(hosts.map(row)).split('\n');
  return hosts.map((host, at) => `${paint((lines[at] ?? '').trimEnd(), host.category, color)}\n`).join('');
}

/** A duration in one unit: `52s`, `7m`, `3h`, `12d`. */
export function age(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/**
 * The number of the revision that runs on a host, else the beginning of its hash. `12 = 14` means that the host runs revision
 * 12, whose layers are those of revision 14: after a rollback to revision 12 it has nothing to do.
 */
export function runs(
  { report }: Follower,
  head: { readonly revision: number; readonly hash: string } | undefined,
): string {
  const running = report?.running;
  if (running === undefined) return '-';
  const shown = String(running.revision ?? running.hash.slice(0, 12));
  const isSame = head !== undefined && running.hash === head.hash && running.revision !== head.revision;
  return isSame ? `${shown} = ${head.revision}` : shown;
}

/** The reason for a host's category: its error, its silence, or what it waits for. */
export function reason({ follower, category }: HostStatus): string {
  const { report, silentMs, contact } = follower;
  if (contact === 'unheard') return `not heard since the registry started, ${age(silentMs)}`;
  if (category === 'unknown' && report !== undefined) return 'has come back, and not reported its state yet';
  const said = report === undefined ? 'has not reported yet' : detail(report);
  if (category === 'lost') return join(`silent for ${age(silentMs)}`, said);
  // A host that is about to be lost looks like a slow one.
  return join(said, category === 'pending' && silentMs > 15_000 ? `silent for ${age(silentMs)}` : '');
}

/** The kind and the message of an error, on one line of bounded length. */
export function errorLine(error: StateReport['error']): string {
  if (error === undefined) return '';
  return bounded(`${error.kind}: ${error.message.replace(/\s+/g, ' ').trim()}`);
}

function bounded(text: string): string {
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text;
}

/** Whether the host is known to be paused now. */
export function isPaused({ follower, category }: HostStatus): boolean {
  const { report } = follower;
  return category !== 'lost' && category !== 'unknown' && pauseOf(report) !== undefined;
}

/** Agents of earlier versions report the state alone. */
function pauseOf(report: StateReport | undefined): PauseNote | undefined {
  return report?.pause ?? (report?.state === 'paused' ? {} : undefined);
}

/** Who paused a host, since when and why; empty when it is not paused. */
export function pauseLine(report: StateReport | undefined): string {
  const pause = pauseOf(report);
  return pause === undefined ? '' : bounded(pauseText(pause));
}

function detail(report: StateReport): string {
  const { error, progress, attempt, notBefore } = report;
  const share = progress !== undefined && progress.total > 0 ? progress.done / progress.total : undefined;
  return join(
    pauseLine(report),
    errorLine(error),
    share === undefined ? '' : `${Math.floor(Math.min(1, share) * 100)}%`,
    attempt !== undefined && attempt > 1 ? `attempt ${attempt}` : '',
    notBefore === undefined ? '' : `again at ${notBefore.slice(0, 19)}Z`,
  );
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ');
}
