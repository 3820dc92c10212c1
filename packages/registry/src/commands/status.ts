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
import { type WaitResult, waitResult } from '../core/fleet/wait-result.js';
import type { Registry } from '../core/registry.js';
import { type ExitStatus, streamingCommand } from './command.js';
import { hostJson } from './fleet-json.js';
import { colorWanted, isWanted } from './fleet-text.js';
import { printableJson, printableJsonLine } from './printable-json.js';
import { changeText, statusText, waitResultText } from './status-text.js';

/** The exit status of waiting. Lost hosts need attention, as failed ones do. */
const EXIT: Readonly<Record<WaitResult, ExitStatus>> = { 'in-sync': 0, failed: 1, lost: 1, late: 3 };

export const status = streamingCommand(STATUS, async ({ registry }, args, feed) => {
  const { name } = required({ name: args.name });
  const view = new StatusView(registry, args.json, colorWanted(args.color, feed.terminal));
  const isWatched = isWanted('progress', args.progress, feed.terminal) && !args.json;
  const first = await fleetStatus(registry, name);
  if (args.wait === undefined && !args.follow) {
    await feed.send(view.whole(first));
    return 0;
  }
  const changes = args.follow || isWatched;
  if (changes) await feed.send(args.json ? view.lines(first) : view.whole(first));
  const watch = new StatusWatch(registry, name, feed.signal);
  try {
    const follower = new StatusFollower(view, feed, { ...args, changes });
    return await follower.run(first, async (maxMs) => {
      await watch.change(maxMs);
      return fleetStatus(registry, name);
    });
  } finally {
    watch.close();
  }
});

interface FollowOptions {
  /** Milliseconds to wait at most; undefined to follow until interrupted. */
  readonly wait: number | undefined;
  readonly settle: boolean;
  /** Whether the first table was shown, and each change is. */
  readonly changes: boolean;
}

/** Shows changes of a configuration's hosts until the wait is over or the command is interrupted. */
class StatusFollower {
  readonly #view: StatusView;
  readonly #feed: Feed;
  readonly #options: FollowOptions;
  /** By host, what was shown last. */
  readonly #shown = new Map<string, string>();

  constructor(view: StatusView, feed: Feed, options: FollowOptions) {
    this.#view = view;
    this.#feed = feed;
    this.#options = options;
  }

  /** @param next resolves with the status after a change, or after so many milliseconds. */
  async run(first: FleetStatus, next: (maxMs: number) => Promise<FleetStatus>): Promise<ExitStatus> {
    const { wait, changes } = this.#options;
    const deadline = performance.now() + (wait ?? Number.POSITIVE_INFINITY);
    let isTableCurrent = changes && !this.#view.json;
    this.#takeChanged(first.hosts);
    for (let now = first; ; ) {
      const changed = changes ? this.#takeChanged(now.hosts) : [];
      if (changed.length > 0) await this.#feed.send(this.#view.lines({ ...now, hosts: changed }));
      isTableCurrent &&= changed.length === 0 && now.head.revision === first.head.revision;
      const left = deadline - performance.now();
      const result = this.#result(now, left <= 0);
      if (result !== undefined) {
        const text = isTableCurrent
          ? `\n${waitResultText(result, now.hosts)}`
          : this.#view.whole(now, result);
        await this.#feed.send(text);
        return EXIT[result];
      }
      if (this.#feed.signal.aborted) return this.#interrupt();
      now = await next(Math.max(0, left));
    }
  }

  #result(now: FleetStatus, isLate: boolean): WaitResult | undefined {
    const { wait, settle } = this.#options;
    return wait === undefined ? undefined : waitResult(now.hosts, { settle, isLate });
  }

  /** An interrupt is how following ends; a wait that is interrupted has no result. */
  #interrupt(): ExitStatus {
    if (this.#options.wait === undefined) return 0;
    throw new DeployError('cancelled', 'interrupted before all hosts were done');
  }

  /** The hosts that differ from what was shown last; counts them as shown. */
  #takeChanged(hosts: readonly HostStatus[]): HostStatus[] {
    return hosts.filter((host) => {
      const { host: name } = host.follower.record;
      if (this.#shown.get(name) === gist(host)) return false;
      this.#shown.set(name, gist(host));
      return true;
    });
  }
}

/** Words a configuration's status as the flags ask. */
class StatusView {
  readonly json: boolean;
  readonly #registry: Registry;
  readonly #color: boolean;

  constructor(registry: Registry, json: boolean, color: boolean) {
    this.#registry = registry;
    this.json = json;
    this.#color = color;
  }

  whole(now: FleetStatus, result?: WaitResult): string {
    if (this.json) return printableJson(statusJson(now, result));
    const text = statusText(now, this.#registry.clock(), this.#color);
    return result === undefined ? text : `${text}\n${waitResultText(result, now.hosts)}`;
  }

  /** One line for each host. */
  lines({ head, hosts }: FleetStatus): string {
    const now = this.#registry.clock();
    const line = this.json
      ? (host: HostStatus) => printableJsonLine({ time: now.toISOString(), ...hostJson(host) })
      : (host: HostStatus) => changeText(host, { head, now, color: this.#color });
    return hosts.map(line).join('');
  }
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
