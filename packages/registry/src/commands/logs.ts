import { LOGS } from '@deploy-tools/shared/commands/fleet-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { Registry } from '../core/registry.js';
import type { DeployLog, DeployRecord, HostLog, LogGap } from '../meta/fleet-store.js';
import { command } from './command.js';
import { deployJson } from './fleet-json.js';
import { errorLine } from './fleet-text.js';
import { seconds } from './json-shapes.js';

export const logs = command(LOGS, ['name', 'host'], async ({ registry }, args) => {
  const { name, host } = args;
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
  /** Null for the crash of a supervised program, which belongs to no deploy. */
  readonly deploy: string | null;
  /** Undefined while the deploy has no outcome. */
  readonly record: DeployRecord | undefined;
  /** The last report of the host, where there is no record. */
  readonly now?: StateReport;
}

interface WantedLog {
  readonly configuration: string;
  readonly host: string;
  /** Undefined for the deploy in progress, else for the last one. */
  readonly deploy: string | undefined;
}

/** @throws DeployError not-found. */
async function findLog(
  registry: Registry,
  { configuration, host, deploy: wanted }: WantedLog,
): Promise<Found> {
  await registry.fleet.flush(); // a log without an outcome may still be queued
  const followers = registry.fleet.followers(configuration);
  const now = followers.find(({ record }) => record.host === host)?.report;
  return await registry.meta.read(async ({ fleet }) => {
    const current = await fleet.hostLog(host, configuration);
    if (now !== undefined && current !== undefined && isNews(now, current, wanted)) {
      const deploy = current.deploy === '' ? null : current.deploy;
      return { ...current, deploy, record: undefined, now };
    }
    const asked = wanted ?? now?.deploy;
    const [record] = await fleet.deploys({ configuration, host, deploy: asked, limit: 1 });
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

/** Whether the stored log is of the deploy in progress, or of a crash of the supervised program. */
function isNews(now: StateReport, { deploy }: HostLog, wanted: string | undefined): boolean {
  if (now.deploy === undefined) return deploy === '' && now.state === 'failed' && wanted === undefined;
  const isAtIt = now.deploy === deploy && !isOutcome(now.state);
  return isAtIt && (wanted === undefined || wanted === deploy);
}

const GAPS: Readonly<Record<LogGap, string>> = {
  removed: '(the log was removed to make room for newer ones; see -history-size of the registry)\n',
  'no-space': "(the log was not stored: the registry's disk had less left than -min-free)\n",
};

/** The state of a deploy without a record. */
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
  const none = lines.length === 0 && gap === undefined ? '(the host sent no log)\n' : '';
  return `${what}: revision ${revision ?? '-'} ${state} at ${seconds(record.time)}\n${failed}${none}${missing}`;
}
