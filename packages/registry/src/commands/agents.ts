import { columns } from '@deploy-tools/shared/columns.js';
import { AGENTS } from '@deploy-tools/shared/commands/fleet-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { printable } from '@deploy-tools/shared/printable.js';
import { type HostStatus, statusOf } from '../core/fleet/fleet-status.js';
import type { Follower } from '../core/fleet/follower.js';
import type { Registry } from '../core/registry.js';
import type { Revision } from '../meta/meta-store.js';
import { streamingCommand } from './command.js';
import { hostJson } from './fleet-json.js';
import { age, CATEGORY_WORDS, isWanted, paint, runs } from './fleet-text.js';
import { printableJson } from './printable-json.js';
import { counts } from './status-text.js';

const HEADER = ['SYNC', 'HOST', 'CONFIGURATION', 'WANTED', 'RUNS', 'STATE', 'HEARD', 'AGENT'];

export const agents = streamingCommand(AGENTS, [], async ({ registry }, args, feed) => {
  const color = isWanted('color', args.color, feed.terminal);
  const labels = args.label.map(parseLabel);
  const followers = registry.fleet.followers(args.name).filter((follower) => hasLabels(follower, labels));
  if (args.names) {
    const names = [...new Set(followers.map(({ record }) => record.host))].sort();
    await feed.send(args.json ? printableJson(names) : printable(names.map((name) => `${name}\n`).join('')));
    return 0;
  }
  const heads = await headsOf(registry, followers);
  const hosts = statusOf(registry.fleet, followers, (name) => heads.get(name)?.hash);
  await feed.send(args.json ? printableJson(hosts.map(hostJson)) : table(hosts, heads, color));
  return 0;
});

type Heads = ReadonlyMap<string, Revision>;

/** The heads of the followed configurations that exist. */
function headsOf(registry: Registry, followers: readonly Follower[]): Promise<Heads> {
  const names = new Set(followers.map(({ configuration }) => configuration));
  return registry.meta.read(async (tx) => {
    const heads = new Map<string, Revision>();
    for (const name of names) {
      const head = await tx.head(name);
      if (head !== undefined && head.layers.length > 0) heads.set(name, head);
    }
    return heads;
  });
}

function table(hosts: readonly HostStatus[], heads: Heads, color: boolean): string {
  if (hosts.length === 0) return 'no host has reported\n';
  const [header = '', ...lines] = columns([HEADER, ...hosts.map((host) => row(host, heads))]).split('\n');
  const body = hosts.map((host, at) => `${paint((lines[at] ?? '').trimEnd(), host.category, color)}\n`);
  return `${header.trimEnd()}\n${body.join('')}\n${counts(hosts)}\n`;
}

function row({ follower, category }: HostStatus, heads: Heads): string[] {
  const { record, configuration, report, silentMs, contact } = follower;
  return [
    CATEGORY_WORDS[category],
    record.host,
    configuration,
    String(heads.get(configuration)?.revision ?? '-'),
    runs(follower, heads.get(configuration)),
    report?.state ?? '-',
    contact === 'live' ? 'now' : `${age(silentMs)} ago`,
    record.agent,
  ];
}

function parseLabel(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new DeployError('usage', `invalid label "${text}"`, { hint: 'write it as key=value' });
}

function hasLabels({ record }: Follower, labels: readonly [string, string][]): boolean {
  return labels.every(([key, value]) => Object.hasOwn(record.labels, key) && record.labels[key] === value);
}
