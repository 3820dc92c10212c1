import { columns } from '@deploy-tools/shared/columns.js';
import { printable, printableLine } from '@deploy-tools/shared/printable.js';
import { CATEGORIES } from '../core/fleet/assess.js';
import { countByCategory, type FleetStatus, type HostStatus } from '../core/fleet/fleet-status.js';
import type { Verdict } from '../core/fleet/wait-verdict.js';
import type { Revision } from '../meta/meta-store.js';
import { age, CATEGORY_WORDS, isPaused, painted, reason, runs } from './fleet-text.js';
import { seconds } from './json-shapes.js';

/** How long a line of host names gets. */
const LINE = 96;
/** Of the longest word for a category, and space after it. */
const MARGIN = 10;

/** What `status` prints: what is wanted, how many hosts are where, then those that need a look, worst first. */
export function statusText({ head, hosts }: FleetStatus, now: Date, color: boolean): string {
  const who = head.author.comment || head.author.fingerprint;
  const since = `since ${seconds(head.mtime)}`;
  const wanted = `${printableLine(`${head.name} is at revision ${head.revision} ${since} (${who}: ${head.command})`)}\n`;
  if (hosts.length === 0) return `${wanted}no host follows it\n`;
  const needsLook = (host: HostStatus) => host.category !== 'in-sync' || isPaused(host);
  const trouble = hosts.filter(needsLook);
  const fine = hosts.filter((host) => !needsLook(host));
  return `${wanted}${counts(hosts)}\n\n${troubleLines(head, trouble, now, color)}${fineLines(fine, color)}`;
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

/** How waiting ended, in one line. */
export function verdictText(verdict: Verdict, hosts: readonly HostStatus[]): string {
  const named = (wanted: (host: HostStatus) => boolean) =>
    printable(
      hosts
        .filter(wanted)
        .map(({ follower }) => follower.record.host)
        .join(' '),
    );
  switch (verdict) {
    case 'in-sync':
      return `all hosts are in sync${hosts.some(isPaused) ? `; paused: ${named(isPaused)}` : ''}\n`;
    case 'failed':
      return `failed: ${named(({ category }) => category === 'failed')}${unended(named(isGoingOn))}\n`;
    case 'lost':
      return `not heard: ${named(({ category }) => category !== 'in-sync')}\n`;
    case 'late':
      return hosts.length === 0
        ? 'time is up: no host follows it\n'
        : `time is up: ${named(({ settled }) => !settled)}\n`;
  }
}

/** Hosts that have failed, or might still, whose end the deadline did not wait for. */
function isGoingOn({ isChanging }: HostStatus): boolean {
  return isChanging;
}

function unended(hosts: string): string {
  return hosts === '' ? '' : `; not at an end: ${hosts}`;
}

/** One line for a host, as `-follow` prints it. */
export function changeText(host: HostStatus, head: Revision, now: Date, color: boolean): string {
  const time = `${seconds(now.toISOString())}   `;
  const line = `${columns([row(host, head, now)]).trimEnd()}\n`;
  return time + painted(line, CATEGORY_WORDS[host.category].length, host.category, color);
}

function troubleLines(head: Revision, hosts: readonly HostStatus[], now: Date, color: boolean): string {
  const lines = columns(hosts.map((host) => row(host, head, now))).split('\n');
  return hosts
    .map((host, at) => {
      const word = CATEGORY_WORDS[host.category].length;
      return `${painted((lines[at] ?? '').trimEnd(), word, host.category, color)}\n`;
    })
    .join('');
}

function row(host: HostStatus, head: Revision, now: Date): string[] {
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
    if (line !== '' && MARGIN + line.length + host.length > LINE) {
      text += `${' '.repeat(MARGIN)}${line.trimEnd()}\n`;
      line = '';
    }
    line += `${host}  `;
  }
  if (hosts.length === 0) return '';
  text += `${' '.repeat(MARGIN)}${line.trimEnd()}\n`;
  const word = CATEGORY_WORDS['in-sync'];
  return painted(`${word}${text.slice(word.length)}`, word.length, 'in-sync', color);
}
