import { columns } from '@deploy-tools/shared/columns.js';
import { HISTORY } from '@deploy-tools/shared/commands/fleet-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Fleet } from '../core/fleet/fleet.js';
import { statusOf } from '../core/fleet/fleet-status.js';
import { layerChanges } from '../core/layer-changes.js';
import { authorName } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import type { DeployQuery, DeployRecord, Landing } from '../meta/fleet-store.js';
import type { Revision } from '../meta/meta-store.js';
import { type CommandResult, command } from './command.js';
import { deployJson } from './fleet-json.js';
import { errorLine } from './fleet-text.js';
import { seconds, versionJson } from './json-shapes.js';
import { changeJson, changesText } from './layer-change-text.js';

const REVISIONS_HEADER = ['REVISION', 'WHEN', 'WHO', 'FROM', 'CHANGED', 'LANDED'];
const DEPLOYS_HEADER = ['WHEN', 'DEPLOY', 'REVISION', 'WHY', 'ATTEMPT', 'RESULT', 'TOOK', 'ERROR'];

export const history = command(HISTORY, ['name'], async ({ registry }, args) => {
  const { name } = args;
  return args.host === undefined
    ? revisions(registry, name, args.limit)
    : deploys(registry, { configuration: name, host: args.host, limit: args.limit });
});

async function revisions(registry: Registry, name: string, limit: number): Promise<CommandResult> {
  const { list, landings, attempts } = await registry.meta.read(async (tx) => {
    const newest = await tx.revisions(name, limit + 1); // one more, to compare the first of them with
    const from = newest[0]?.revision ?? 0;
    return {
      list: newest,
      landings: await tx.fleet.landings(name, from),
      attempts: await tx.fleet.attempts(name, newest.at(-1)?.revision ?? 0),
    };
  });
  const head = list.at(-1);
  if (head === undefined) throw new DeployError('not-found', `configuration "${name}" not found`);
  const skipped = countSkipped(registry.fleet, head, new Set(attempts.map(({ host }) => host)));
  const shown = list.slice(list.length > limit ? 1 : 0).map((revision) => {
    const before = list.find((other) => other.revision === revision.revision - 1);
    const landed = [...landings, ...skipped].filter((landing) => landing.revision === revision.revision);
    const sameAs = list.findLast((other) => isEarlierEqual(other, revision))?.revision;
    return { revision, changes: layerChanges(before?.layers ?? [], revision.layers), landed, sameAs };
  });
  return {
    value: shown.map(revisionJson),
    text: table(REVISIONS_HEADER, shown.map(revisionRow)),
  };
}

/** Hosts that run the head without an attempt at it: they ran its layers already, under an earlier number. */
function countSkipped(fleet: Fleet, head: Revision, attempted: ReadonlySet<string>): Landing[] {
  if (head.layers.length === 0) return [];
  const hosts = statusOf(fleet, fleet.followers(head.name), () => head.hash).filter(
    ({ category, follower }) => category === 'in-sync' && !attempted.has(follower.record.host),
  );
  return hosts.length === 0 ? [] : [{ revision: head.revision, state: 'skipped', hosts: hosts.length }];
}

function isEarlierEqual(other: Revision, revision: Revision): boolean {
  return other.revision < revision.revision && other.hash === revision.hash && other.layers.length > 0;
}

interface Shown {
  readonly revision: Revision;
  readonly changes: ReturnType<typeof layerChanges>;
  readonly landed: readonly Landing[];
  /** The newest earlier revision with the same content, among those read. */
  readonly sameAs: number | undefined;
}

function revisionRow({ revision, changes, landed, sameAs }: Shown): string[] {
  const { author } = revision;
  return [
    String(revision.revision),
    seconds(revision.mtime),
    authorName(author),
    author.address === '' ? '-' : `${author.user}@${author.address}`,
    revision.layers.length === 0 ? 'deleted' : changesText(changes) || 'nothing',
    landedCell(landed, sameAs),
  ];
}

/** The outcomes, and an earlier revision with the same content where it explains the lack of attempts. */
function landedCell(landed: readonly Landing[], sameAs: number | undefined): string {
  const text = landed.map(({ state, hosts }) => `${hosts} ${state}`).join(', ');
  const isAttempted = landed.length > 0 && landed.every(({ state }) => state !== 'skipped');
  if (sameAs === undefined || isAttempted) return text || '-';
  return text === '' ? `= ${sameAs}` : `${text} (= ${sameAs})`;
}

function revisionJson({ revision, changes, landed, sameAs }: Shown): object {
  const { mtime, hash, author, command: line, layers } = revision;
  return {
    revision: revision.revision,
    mtime,
    hash,
    author,
    command: line,
    deleted: layers.length === 0,
    layers: layers.map(versionJson),
    changes: changes.changes.map(changeJson),
    reordered: changes.reordered,
    landed: Object.fromEntries(landed.map(({ state, hosts }) => [state, hosts])),
    sameAs: sameAs ?? null,
  };
}

async function deploys(registry: Registry, query: DeployQuery): Promise<CommandResult> {
  const { configuration, host } = query;
  const records = await registry.meta.read((tx) => tx.fleet.deploys(query));
  if (records.length === 0) {
    throw new DeployError('not-found', `no deploy of "${configuration}" on host ${host} is known`);
  }
  return { value: records.map(deployJson), text: table(DEPLOYS_HEADER, records.map(deployRow)) };
}

function deployRow({ time, report }: DeployRecord): string[] {
  return [
    seconds(time),
    report.deploy,
    String(report.revision ?? '-'),
    report.reason ?? '-',
    String(report.attempt ?? '-'),
    report.state,
    took(report.timings),
    errorLine(report.error),
  ];
}

function took(timings: Readonly<Record<string, number>> = {}): string {
  const ms = Object.values(timings).reduce((sum, phase) => sum + phase, 0);
  return ms === 0 ? '-' : `${(ms / 1000).toFixed(1)}s`;
}

function table(header: readonly string[], rows: readonly string[][]): string {
  return columns([header, ...rows]).replace(/ +$/gm, '');
}
