import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { columns } from '@deploy-tools/shared/columns.js';
import { FSCK } from '@deploy-tools/shared/commands/housekeeping-specs.js';
import type { FsckReport } from '../core/fsck.js';
import { type Finding, isOpen, PROBLEMS } from '../core/fsck-problems.js';
import { command } from './command.js';

export const fsck = command(FSCK, async ({ registry }, args) => {
  const report = await registry.fsck.run({ repair: args.repair });
  const failed = report.findings.some(isOpen);
  const value = { checked: report.checked, findings: report.findings.map(findingJson), ok: !failed };
  return { status: failed ? 1 : 0, value, text: columns(report.findings.map(row)) + summary(report) };
});

function row(finding: Finding): string[] {
  const { problem, hash, versions, configurations, detail } = finding;
  const use = configurations.length === 0 ? '' : ` (in ${configurations.join(', ')})`;
  const why = detail === undefined ? '' : ` [${detail}]`;
  return [problem, hash, versions.join(', ') + use + why, outcome(finding)];
}

function outcome({ problem, repair }: Finding): string {
  if (repair === undefined) return `-repair would ${PROBLEMS[problem].repair}`;
  return repair.failure === undefined ? 'repaired' : `not repaired: ${repair.failure}`;
}

function summary({ checked, findings }: FsckReport): string {
  const counts = Object.entries(checked).map(
    ([kind, { files, bytes }]) => `${files} ${kind}s (${formatByteSize(bytes)})`,
  );
  const open = findings.filter(isOpen).length;
  return `checked ${counts.join(', ')}: ${open === 0 ? 'nothing is wrong' : `${open} to be looked at`}\n`;
}

function findingJson(finding: Finding): object {
  const { problem, hash, versions, configurations, detail, repair } = finding;
  const { harm, repair: remedy } = PROBLEMS[problem];
  const ended =
    repair === undefined ? {} : { repaired: repair.failure === undefined, failure: repair.failure };
  return { problem, harm, hash, versions, configurations, detail, remedy, ...ended };
}
