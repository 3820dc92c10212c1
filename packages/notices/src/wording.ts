import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import {
  type ConfigurationNotice,
  type DeployNotice,
  type DiskNotice,
  type HostNotice,
  isFailure,
  type NamedHost,
  type Notice,
} from './notice.js';
import type { Message } from './receiver.js';

/** The most hosts that one message names. */
const MAX_NAMED = 10;
const LONGEST_LINE = 300;

/** Makes the message of a notice. @param id of the message. */
export function wordNotice(notice: Notice, id: string): Message {
  const { title, lines } = words(notice);
  return { id, notice, title: oneLine(title), body: lines.map(oneLine).join('\n'), thread: threadOf(notice) };
}

/** The thread of a notice: one rollout of a configuration is one thread. */
function threadOf(notice: Notice): string {
  switch (notice.event) {
    case 'version-added':
      return `version/${notice.component}/${notice.version}`;
    case 'configuration-changed':
      return `configuration/${notice.configuration}/${notice.revision}`;
    case 'host-lost':
    case 'host-recovered':
    case 'disk-low':
    case 'disk-recovered':
    case 'test':
      return `${notice.event}/${notice.time}`;
    default:
      return `deploy/${notice.configuration}/${notice.release ?? notice.revision}`;
  }
}

interface Words {
  readonly title: string;
  readonly lines: readonly string[];
}

function words(notice: Notice): Words {
  switch (notice.event) {
    case 'version-added':
      return {
        title: `${notice.component}: version ${notice.version} added`,
        lines: by(notice.author),
      };
    case 'configuration-changed':
      return changed(notice);
    case 'host-lost':
    case 'host-recovered':
      return hosts(notice);
    case 'disk-low':
    case 'disk-recovered':
      return disk(notice);
    case 'test':
      return { title: 'Test: notices arrive here', lines: by(notice.author) };
    default:
      return deploy(notice);
  }
}

function changed({ configuration, revision, author, command, deleted }: ConfigurationNotice): Words {
  const what = deleted ? `deleted (revision ${revision})` : `revision ${revision}`;
  return { title: `${configuration}: ${what}`, lines: [...by(author), ...(command === '' ? [] : [command])] };
}

function hosts({ event, hosts: count, named, configurations }: HostNotice): Words {
  const verb = event === 'host-lost' ? 'lost' : 'heard again';
  const [first] = named;
  const title = count === 1 && first !== undefined ? `host ${first.host} ${verb}` : `${count} hosts ${verb}`;
  return {
    title,
    lines: [...list(named, count), ...(configurations.length === 0 ? [] : [follows(configurations)])],
  };
}

function disk({ event, place, free, reserve }: DiskNotice): Words {
  const left = `${formatByteSize(free)} left`;
  if (event === 'disk-recovered')
    return { title: `the registry's disk has room again: ${left}`, lines: [place] };
  return {
    title: `the registry's disk is nearly full: ${left}`,
    lines: [
      `${place}: uploads are refused below ${formatByteSize(reserve)}`,
      'gc shows and removes what is not needed',
    ],
  };
}

function follows(configurations: readonly string[]): string {
  const more = configurations.length - MAX_NAMED;
  const names = configurations.slice(0, MAX_NAMED).join(', ');
  return `follows ${names}${more > 0 ? ` and ${more} more` : ''}`;
}

function deploy(notice: DeployNotice): Words {
  const what = `${notice.configuration} ${notice.release ?? `revision ${notice.revision}`}`;
  return {
    title: `${what}: ${state(notice)}`,
    lines: [...story(notice), ...list(notice.named, isFailure(notice) ? notice.done : 0)],
  };
}

function state(notice: DeployNotice): string {
  const { event, hosts: all, done, ongoing } = notice;
  const part = ` on ${done} of ${all} hosts${ongoing === true ? ' so far' : ''}`;
  const share = all === 1 ? '' : done === all ? ` on all ${all} hosts` : part;
  switch (event) {
    case 'deploy-started':
      return started(notice);
    case 'deploy-succeeded':
      return `deployed${share}${recovery(notice)}`;
    case 'deploy-failed':
      return `failed${share}`;
    case 'deploy-rolled-back':
      return `failed and rolled back${share}`;
  }
}

function started({ hosts: all, done, replacedBy }: DeployNotice): string {
  if (replacedBy !== undefined) return `replaced by revision ${replacedBy}, ran on ${done} of ${all} hosts`;
  if (all === 1) return 'deploying';
  return done === 0 ? `deploying to ${all} hosts` : `deploying, runs on ${done} of ${all} hosts`;
}

function recovery({ recovered }: DeployNotice): string {
  if (recovered === undefined) return '';
  const { failures, ms } = recovered;
  const time = formatDuration(ms < 1000 ? Math.round(ms) : 1000 * Math.round(ms / 1000));
  return failures === 1
    ? `, recovered ${time} after a failure`
    : `, recovered after ${failures} failures in ${time}`;
}

function story({ error, streak }: DeployNotice): string[] {
  const lines = error === undefined ? [] : [`${error.kind}: ${error.message}`];
  if (streak !== undefined && streak.failures > 1) {
    lines.push(`${streak.failures} failures since ${seconds(streak.since)}`);
  }
  if (streak?.silence === true) lines.push('The same error is not reported again before a success.');
  return lines;
}

/** One line for each host, and one with the number of further hosts. @param count of all hosts. */
function list(named: readonly NamedHost[], count: number): string[] {
  const shown = named.slice(0, MAX_NAMED);
  const more = Math.max(named.length, count) - shown.length;
  const lines = shown.map(({ host, reason }) => (reason === '' ? host : `${host}: ${reason}`));
  return more > 0 && shown.length > 0 ? [...lines, `and ${more} more`] : lines;
}

function by(author: string): string[] {
  return author === '' ? [] : [`by ${author}`];
}

/** RFC 3339 UTC, whole seconds. */
function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}

/** A text of any origin as one bounded line, without control characters and characters that reorder text. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line;
}
