import { LOGS } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { Registry } from '../core/registry.js';
import type { DeployLog, DeployRecord, HostLog, LogGap } from '../meta/fleet-store.js';
import { command } from './command.js';
import { deployJson } from './fleet-json.js';
import { errorLine } from './fleet-text.js';
import { seconds } from './json-shapes.js';

export const logs = command(LOGS, async ({ registry }, args) => {
  const { name, host } = required({ name: args.name, host: args.host });
  const found = await findLog(registry, { configuration: name, host, deploy: args.deploy });
  const { deploy, record, lines, gap } = found;
  const value = {
    host,
    configuration: name,
    deploy,
    result: record === undefined ? null : deployJson(record),
    log: lines,
    logGap: gap ?? null,
  };
  return {
    value,
    text: `${heading(name, host, found)}${lines.map((line) => `${line.replaceAll('\n', '\\n')}\n`).join('')}`,
  };
});

interface Found extends DeployLog {
  /** Null for what is of no deploy: a program that crashed. */
  readonly deploy: string | null;
  /** Undefined while it has no outcome. */
  readonly record: DeployRecord | undefined;
  /** What the host says of it, where there is no record that tells. */
  readonly now?: StateReport;
}

interface WantedLog {
  readonly configuration: string;
  readonly host: string;
  /** Undefined for the deploy that the host is working on, else the last one. */
  readonly deploy: string | undefined;
}

/** @throws DeployError not-found. */
async function findLog(
  registry: Registry,
  { configuration, host, deploy: wanted }: WantedLog,
): Promise<Found> {
  await registry.fleet.flush(); // a log that came with no outcome may wait to be written
  const followers = registry.fleet.followers(configuration);
  const now = followers.find(({ record }) => record.host === host)?.report;
  return await registry.meta.read(async ({ fleet }) => {
    const current = await fleet.hostLog(host, configuration);
    if (now !== undefined && current !== undefined && isNews(now, current, wanted)) {
      const deploy = current.deploy === '' ? null : current.deploy;
      return { ...current, deploy, record: undefined, now };
    }
    const query = { configuration, host, limit: 1 };
    const asked = wanted ?? now?.deploy;
    const [record] = await fleet.deploys(asked === undefined ? query : { ...query, deploy: asked });
    if (record !== undefined) {
      const { deploy } = record.report;
      return { deploy, record, ...(await fleet.deployLog(host, configuration, deploy)) };
    }
    if (asked !== undefined && now?.deploy === asked) return { deploy: asked, record, lines: [], now };
    const which = wanted === undefined ? 'deploy' : `deploy ${wanted}`;
    throw new DeployError('not-found', `no ${which} of "${configuration}" on host ${host} is known`, {
      hint: `history -name ${configuration} -host ${host} lists them`,
    });
  });
}

/** Whether it is the log of what the host is doing now, or of what its program crashed with. */
function isNews(now: StateReport, { deploy }: HostLog, wanted: string | undefined): boolean {
  if (now.deploy === undefined) return deploy === '' && now.state === 'failed' && wanted === undefined;
  const isAtIt = now.deploy === deploy && !isOutcome(now.state);
  return isAtIt && (wanted === undefined || wanted === deploy);
}

const GAPS: Readonly<Record<LogGap, string>> = {
  removed: '(its log was removed to make room for newer ones; see -history-size of the registry)\n',
  'no-space': "(its log was not kept: the registry's disk had less left than -min-free)\n",
};

/** Of a deploy without a record. */
function howFar(now: StateReport | undefined): string {
  if (now?.state === 'vetoed') return 'vetoed';
  const isOver = now !== undefined && isOutcome(now.state);
  return isOver ? `${now.state} (the registry could not store it)` : 'under way';
}

function heading(configuration: string, host: string, found: Found): string {
  const { deploy, record, lines, now, gap } = found;
  const missing = gap === undefined ? '' : GAPS[gap];
  const why = now?.error === undefined ? '' : `${errorLine(now.error)}\n`;
  if (deploy === null) return `${host}, ${configuration}: failed, after it was deployed\n${why}${missing}`;
  const what = `${host}, ${configuration}, deploy ${deploy}`;
  if (record === undefined) return `${what}: ${howFar(now)}\n${why}${missing}`;
  const failed = record.report.error === undefined ? '' : `${errorLine(record.report.error)}\n`;
  const { state, revision } = record.report;
  const none = lines.length === 0 && gap === undefined ? '(it sent no log)\n' : '';
  return `${what}: revision ${revision ?? '-'} ${state} at ${seconds(record.time)}\n${failed}${none}${missing}`;
}
