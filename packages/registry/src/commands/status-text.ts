import { printable, printableLine } from '@deploy-tools/shared/printable.js';
import { CATEGORIES } from '../core/fleet/assess.js';
import { countByCategory, type FleetStatus, type HostStatus } from '../core/fleet/fleet-status.js';
import type { WaitResult } from '../core/fleet/wait-result.js';
import { authorName } from '../core/principal.js';
import type { Revision } from '../meta/meta-store.js';
import { age, CATEGORY_WORDS, hostLines, isPaused, paint, reason, runs } from './fleet-text.js';
import { seconds } from './json-shapes.js';

/** Width of a line of host names, in characters. */
const LINE_WIDTH = 96;
/** Width of the longest word for a category and the space after it. */
const MARGIN = 10;

/** The values that all lines of a table share. */
interface TableContext {
  readonly head: Revision;
  readonly now: Date;
  readonly color: boolean;
}

/** The text of `status`: the wanted revision, the number of hosts in each category, and the hosts that need attention, worst first. */
export function statusText({ head, hosts }: FleetStatus, now: Date, color: boolean): string {
  const since = `since ${seconds(head.mtime)}`;
  const wanted = `${printableLine(`${head.name} is at revision ${head.revision} ${since} (${authorName(head.author)}: ${head.command})`)}\n`;
  if (hosts.length === 0) return `${wanted}no host follows it\n`;
  const needsAttention = (host: HostStatus) => host.category !== 'in-sync' || isPaused(host);
  const trouble = hosts.filter(needsAttention);
  const fine = hosts.filter((host) => !needsAttention(host));
  const troubleLines = hostLines(trouble, (host) => row(host, { head, now, color }), color);
  return `${wanted}${counts(hosts)}\n\n${troubleLines}${fineLines(fine, color)}`;
}

/** `50 hosts: 1 failed, 1 lost, 48 in sync; 1 paused`. */
export function counts(hosts: readonly HostStatus[]): string {
  const count = countByCategory(hosts);
  const parts = CATEGORIES.filter((category) => count[category] > 0).map(
    (category) => `${count[category]} ${CATEGORY_WORDS[category]}`,
  );
  const paused = hosts.filter(isPaused).length;
  const all = `${hosts.length} host${hosts.length === 1 ? '' : 's'}: ${parts.join(', ')}`;
  return paused === 0 ? all : `${all}; ${paused} paused`;
}

/** The result of a wait, in one line. */
export function waitResultText(result: WaitResult, hosts: readonly HostStatus[]): string {
  const named = (wanted: (host: HostStatus) => boolean) =>
    printable(
      hosts
        .filter(wanted)
        .map(({ follower }) => follower.record.host)
        .join(' '),
    );
  const unended = named(({ isChanging }) => isChanging); // these may still fail
  switch (result) {
    case 'in-sync':
      return `all hosts are in sync${hosts.some(isPaused) ? `; paused: ${named(isPaused)}` : ''}\n`;
    case 'failed':
      return `failed: ${named(({ category }) => category === 'failed')}${unended === '' ? '' : `; not at an end: ${unended}`}\n`;
    case 'lost':
      return `not heard: ${named(({ category }) => category !== 'in-sync')}\n`;
    case 'late':
      return hosts.length === 0
        ? 'time is up: no host follows it\n'
        : `time is up: ${named(({ settled }) => !settled)}\n`;
  }
}

/** One line for a host, as `-follow` prints it. */
export function changeText(host: HostStatus, context: TableContext): string {
  const line = hostLines([host], (one) => row(one, context), context.color);
  return `${seconds(context.now.toISOString())}   ${line}`;
}

function row(host: HostStatus, { head, now }: TableContext): string[] {
  const { record, report, changed } = host.follower;
  const since = age(Math.max(0, now.getTime() - Date.parse(changed)));
  return [
    CATEGORY_WORDS[host.category].padEnd(MARGIN - 3),
    record.host,
    report?.state ?? '-',
    `runs ${runs(host.follower, head)}`,
    since,
    reason(host),
  ];
}

function fineLines(hosts: readonly HostStatus[], color: boolean): string {
  let text = '';
  let line = '';
  for (const { follower } of hosts) {
    const { host } = follower.record;
    if (line !== '' && MARGIN + line.length + host.length > LINE_WIDTH) {
      text += `${' '.repeat(MARGIN)}${line.trimEnd()}\n`;
      line = '';
    }
    line += `${host}  `;
  }
  if (hosts.length === 0) return '';
  text += `${' '.repeat(MARGIN)}${line.trimEnd()}\n`;
  const word = CATEGORY_WORDS['in-sync'];
  return paint(`${word}${text.slice(word.length)}`, 'in-sync', color);
}
