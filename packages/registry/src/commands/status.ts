import { STATUS } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Feed } from '../core/feed.js';
import {
  countByCategory,
  type FleetStatus,
  fleetStatus,
  type HostStatus,
} from '../core/fleet/fleet-status.js';
import { StatusWatch } from '../core/fleet/status-watch.js';
import { type Verdict, waitVerdict } from '../core/fleet/wait-verdict.js';
import type { Registry } from '../core/registry.js';
import { type ExitStatus, streamingCommand } from './command.js';
import { hostJson } from './fleet-json.js';
import { colorWanted, isWanted } from './fleet-text.js';
import { printableJson, printableJsonLine } from './printable-json.js';
import { changeText, statusText, verdictText } from './status-text.js';

/** The exit status of waiting. Hosts that are not heard need somebody to look, as those that failed do. */
const EXIT: Readonly<Record<Verdict, ExitStatus>> = { 'in-sync': 0, failed: 1, lost: 1, late: 3 };

interface Shown {
  readonly registry: Registry;
  readonly json: boolean;
  readonly color: boolean;
}

export const status = streamingCommand(STATUS, async ({ registry }, args, feed) => {
  const { name } = required({ name: args.name });
  const shown = { registry, json: args.json, color: colorWanted(args.color, feed.terminal) };
  const isWatched = isWanted('progress', args.progress, feed.terminal) && !args.json;
  const first = await fleetStatus(registry, name);
  if (args.wait === undefined && !args.follow) {
    await feed.send(whole(shown, first, undefined));
    return 0;
  }
  const changes = args.follow || isWatched;
  if (changes) await feed.send(args.json ? lines(shown, first) : whole(shown, first, undefined));
  const watch = new StatusWatch(registry, name, feed.signal);
  try {
    return await follow(shown, name, first, feed, watch, { ...args, changes });
  } finally {
    watch.close();
  }
});

interface Following {
  readonly wait: number | undefined;
  readonly settle: boolean;
  /** Whether the first table was shown, and each change is. */
  readonly changes: boolean;
}

async function follow(
  shown: Shown,
  name: string,
  first: FleetStatus,
  feed: Feed,
  watch: StatusWatch,
  args: Following,
): Promise<ExitStatus> {
  const deadline = performance.now() + (args.wait ?? Number.POSITIVE_INFINITY);
  let isAsShown = args.changes && !shown.json;
  const told = new Map(first.hosts.map((host) => [host.follower.record.host, gist(host)]));
  for (let now = first; ; now = await fleetStatus(shown.registry, name)) {
    const changed = args.changes ? takeChanged(told, now.hosts) : [];
    if (changed.length > 0) await feed.send(lines(shown, { ...now, hosts: changed }));
    isAsShown &&= changed.length === 0 && now.head.revision === first.head.revision;
    const left = deadline - performance.now();
    const verdict =
      args.wait === undefined
        ? undefined
        : waitVerdict(now.hosts, { settle: args.settle, isLate: left <= 0 });
    if (verdict !== undefined) {
      await feed.send(isAsShown ? `\n${verdictText(verdict, now.hosts)}` : whole(shown, now, verdict));
      return EXIT[verdict];
    }
    if (feed.signal.aborted) return interrupted(args);
    await watch.change(Math.max(0, left));
  }
}

/** Following is ended so; an answer that was waited for never came. */
function interrupted({ wait }: Following): ExitStatus {
  if (wait === undefined) return 0;
  throw new DeployError('cancelled', 'interrupted before all hosts were done');
}

function whole({ registry, json, color }: Shown, now: FleetStatus, verdict: Verdict | undefined): string {
  if (json) return printableJson(statusJson(now, verdict));
  const text = statusText(now, registry.clock(), color);
  return verdict === undefined ? text : `${text}\n${verdictText(verdict, now.hosts)}`;
}

function lines({ registry, json, color }: Shown, { head, hosts }: FleetStatus): string {
  const time = registry.clock();
  return hosts
    .map((host) =>
      json
        ? printableJsonLine({ time: time.toISOString(), ...hostJson(host) })
        : changeText(host, head, time, color),
    )
    .join('');
}

function statusJson({ head, hosts }: FleetStatus, verdict: Verdict | undefined): object {
  const { name, revision, hash, mtime, author, command } = head;
  return {
    ...{ name, revision, hash, mtime, author, command },
    counts: countByCategory(hosts),
    ...(verdict === undefined ? {} : { verdict }),
    hosts: hosts.map(hostJson),
  };
}

/** The hosts of which there is something new to tell; they count as told then. */
function takeChanged(told: Map<string, string>, hosts: readonly HostStatus[]): HostStatus[] {
  return hosts.filter((host) => {
    const { host: name } = host.follower.record;
    if (told.get(name) === gist(host)) return false;
    told.set(name, gist(host));
    return true;
  });
}

function gist({ category, follower: { report } }: HostStatus): string {
  return [category, report?.state, report?.hash, report?.deploy, report?.error?.message].join('\n');
}
