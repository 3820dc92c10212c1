import { LOGS } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { DeployState } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { Registry } from '../core/registry.js';
import type { DeployLog, DeployRecord, HostLog, LogGap } from '../meta/fleet-store.js';
import { command } from './command.js';
import { deployJson } from './fleet-json.js';
import { errorLine } from './fleet-text.js';
import { seconds } from './json-shapes.js';

export const logs = command(LOGS, async ({ registry }, args) => {
  const { name, host } = required({ name: args.name, host: args.host });
  const found = await findLog(registry, name, host, args.deploy);
  const { deploy, record, lines, gap } = found;
  const value = {
    ...{ host, configuration: name, deploy, result: record === undefined ? null : deployJson(record) },
    log: lines,
    logGap: gap ?? null,
  };
  return {
    value,
    text: `${heading(name, host, found)}${lines.map((line) => `${line.replaceAll('\n', '\\n')}\n`).join('')}`,
  };
});

const UNDER_WAY: ReadonlySet<DeployState> = new Set([
  'pending',
  'fetching',
  'staged',
  'activating',
  'validating',
  'rolling-back',
]);

interface Found extends DeployLog {
  /** Null for what is of no deploy: a program that crashed. */
  readonly deploy: string | null;
  /** Undefined while it has no outcome. */
  readonly record: DeployRecord | undefined;
  /** Why it failed, where there is no record that tells. */
  readonly error?: StateReport['error'];
}

/** Of the deploy that is asked for; without one, what is under way, else the last. */
function findLog(
  registry: Registry,
  configuration: string,
  host: string,
  wanted: string | undefined,
): Promise<Found> {
  return registry.meta.read(async ({ fleet }) => {
    const query = { configuration, host, limit: 1, ...(wanted === undefined ? {} : { deploy: wanted }) };
    const [record] = await fleet.deploys(query);
    const current = await fleet.hostLog(host, configuration);
    const now = registry.fleet.followers(configuration).find((follower) => follower.record.host === host);
    if (current !== undefined && isNews(now?.report, current, wanted)) {
      const { error } = now?.report ?? {};
      const deploy = current.deploy === '' ? null : current.deploy;
      return { ...current, deploy, record: undefined, ...(error === undefined ? {} : { error }) };
    }
    if (isUnderWay(now?.report, record, wanted)) {
      const { deploy = '', error } = now?.report ?? {};
      return { deploy, record: undefined, lines: [], ...(error === undefined ? {} : { error }) };
    }
    if (record === undefined) {
      const which = wanted === undefined ? 'deploy' : `deploy ${wanted}`;
      throw new DeployError('not-found', `no ${which} of "${configuration}" on host ${host} is known`, {
        hint: `history -name ${configuration} -host ${host} lists them`,
      });
    }
    const { deploy } = record.report;
    return { deploy, record, ...(await fleet.deployLog(host, configuration, deploy)) };
  });
}

/** Whether it is the log of what the host is doing now, or of what its program crashed with. */
function isNews(now: StateReport | undefined, { deploy }: HostLog, wanted: string | undefined): boolean {
  if (now === undefined) return false;
  if (now.deploy === undefined) return deploy === '' && now.state === 'failed' && wanted === undefined;
  return now.deploy === deploy && (wanted === undefined || wanted === deploy);
}

/** Whether the host is at a deploy that has no outcome yet and has sent no log. */
function isUnderWay(
  now: StateReport | undefined,
  record: DeployRecord | undefined,
  wanted: string | undefined,
): boolean {
  if (now?.deploy === undefined || !UNDER_WAY.has(now.state) || now.deploy === record?.report.deploy)
    return false;
  return wanted === undefined || wanted === now.deploy;
}

const GAPS: Readonly<Record<LogGap, string>> = {
  removed: '(its log was removed to make room for newer ones; see -history-size of the registry)\n',
  'no-space': "(its log was not kept: the registry's disk had less left than -min-free)\n",
};

function heading(configuration: string, host: string, found: Found): string {
  const { deploy, record, lines, error, gap } = found;
  const missing = gap === undefined ? '' : GAPS[gap];
  const why = error === undefined ? '' : `${errorLine(error)}\n`;
  if (deploy === null) return `${host}, ${configuration}: failed, after it was deployed\n${why}${missing}`;
  const what = `${host}, ${configuration}, deploy ${deploy}`;
  if (record === undefined) return `${what}: under way\n${why}${missing}`;
  const failed = record.report.error === undefined ? '' : `${errorLine(record.report.error)}\n`;
  const { state, revision } = record.report;
  const none = lines.length === 0 && gap === undefined ? '(it sent no log)\n' : '';
  return `${what}: revision ${revision ?? '-'} ${state} at ${seconds(record.time)}\n${failed}${none}${missing}`;
}
