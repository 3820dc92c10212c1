import { STATUS } from '@deploy-tools/shared/commands/fleet-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { type Clock, timestamp } from '../core/clock.js';
import type { Feed } from '../core/feed.js';
import {
  countByCategory,
  type FleetStatus,
  fleetStatus,
  type HostStatus,
} from '../core/fleet/fleet-status.js';
import { StatusWatch } from '../core/fleet/status-watch.js';
import { type WaitResult, waitResult } from '../core/fleet/wait-result.js';
import { type ExitStatus, streamingCommand } from './command.js';
import { hostJson } from './fleet-json.js';
import { isWanted } from './fleet-text.js';
import { printableJson, printableJsonLine } from './printable-json.js';
import { changeText, statusText, waitResultText } from './status-text.js';

/** The exit status of a wait. Lost hosts need attention, as failed ones do. */
const EXIT: Readonly<Record<WaitResult, ExitStatus>> = { 'in-sync': 0, failed: 1, lost: 1, late: 3 };

export const status = streamingCommand(STATUS, ['name'], async ({ registry }, args, feed) => {
  const { name, json, wait, follow, settle } = args;
  const color = isWanted('color', args.color, feed.terminal);
  const showsChanges = follow || (isWanted('progress', args.progress, feed.terminal) && !json);
  const view = json ? jsonView(registry.clock) : textView(registry.clock, color);
  const first = await fleetStatus(registry, name);
  if (wait === undefined && !follow) {
    await feed.send(view.whole(first));
    return 0;
  }
  if (showsChanges) await feed.send(json ? view.lines(first) : view.whole(first));
  const watch = new StatusWatch(registry, name, feed.signal);
  const next = async (maxMs: number) => {
    await watch.change(maxMs);
    return fleetStatus(registry, name);
  };
  try {
    const isTableShown = showsChanges && !json;
    return await followStatus(feed, view, { first, next, wait, settle, showsChanges, isTableShown });
  } finally {
    watch.close();
  }
});

interface Following {
  readonly first: FleetStatus;
  /** Resolves with the status after a change, or after so many milliseconds. */
  readonly next: (maxMs: number) => Promise<FleetStatus>;
  /** The longest wait in milliseconds; undefined to follow until an interrupt. */
  readonly wait: number | undefined;
  readonly settle: boolean;
  /** Whether changes are shown, not only the result. */
  readonly showsChanges: boolean;
  /** Whether the table of `first` was shown. */
  readonly isTableShown: boolean;
}

/** Shows changes of a configuration's hosts until the wait is over or the command is interrupted. */
async function followStatus(feed: Feed, view: StatusView, following: Following): Promise<ExitStatus> {
  const { first, next, wait, settle, showsChanges } = following;
  const deadline = performance.now() + (wait ?? Number.POSITIVE_INFINITY);
  const takeChanged = trackChanges();
  takeChanged(first.hosts);
  let isTableCurrent = following.isTableShown;
  for (let now = first; ; ) {
    const changed = showsChanges ? takeChanged(now.hosts) : [];
    if (changed.length > 0) await feed.send(view.lines({ ...now, hosts: changed }));
    isTableCurrent &&= changed.length === 0 && now.head.revision === first.head.revision;
    const left = deadline - performance.now();
    const result = wait === undefined ? undefined : waitResult(now.hosts, { settle, isLate: left <= 0 });
    if (result !== undefined) {
      const text = isTableCurrent ? `\n${waitResultText(result, now.hosts)}` : view.whole(now, result);
      await feed.send(text);
      return EXIT[result];
    }
    // Following ends by an interrupt; an interrupted wait has no result.
    if (feed.signal.aborted && wait === undefined) return 0;
    if (feed.signal.aborted) throw new DeployError('cancelled', 'interrupted before all hosts were done');
    now = await next(Math.max(0, left));
  }
}

/** @returns a function that gives the hosts which changed since they were given the last time. */
function trackChanges(): (hosts: readonly HostStatus[]) => HostStatus[] {
  const given = new Map<string, string>();
  return (hosts) =>
    hosts.filter((host) => {
      const { host: name } = host.follower.record;
      const isSame = given.get(name) === gist(host);
      given.set(name, gist(host));
      return !isSame;
    });
}

/** The forms of a configuration's status. */
interface StatusView {
  readonly whole: (now: FleetStatus, result?: WaitResult) => string;
  /** One line for each host. */
  readonly lines: (now: FleetStatus) => string;
}

function jsonView(clock: Clock): StatusView {
  return {
    whole: (now, result) => printableJson(statusJson(now, result)),
    lines: ({ hosts }) =>
      hosts.map((host) => printableJsonLine({ time: timestamp(clock), ...hostJson(host) })).join(''),
  };
}

function textView(clock: Clock, color: boolean): StatusView {
  return {
    whole: (now, result) => {
      const text = statusText(now, clock(), color);
      return result === undefined ? text : `${text}\n${waitResultText(result, now.hosts)}`;
    },
    lines: ({ head, hosts }) => hosts.map((host) => changeText(host, { head, now: clock(), color })).join(''),
  };
}

function statusJson({ head, hosts }: FleetStatus, result: WaitResult | undefined): object {
  const { name, revision, hash, mtime, author, command } = head;
  return {
    name,
    revision,
    hash,
    mtime,
    author,
    command,
    counts: countByCategory(hosts),
    ...(result === undefined ? {} : { verdict: result }),
    hosts: hosts.map(hostJson),
  };
}

function gist({ category, follower: { report } }: HostStatus): string {
  return [category, report?.state, report?.hash, report?.deploy, report?.error?.message].join('\n');
}
