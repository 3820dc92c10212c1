import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { columns } from '@deploy-tools/shared/columns.js';
import { FSCK, GC } from '@deploy-tools/shared/commands/housekeeping-specs.js';
import type { FsckReport } from '../core/fsck.js';
import { type Finding, isOpen, PROBLEMS } from '../core/fsck-problems.js';
import { command } from './command.js';
import { versionJson } from './json-shapes.js';

export const gc = command(GC, [], async ({ registry }, args) => {
  const which = 'expired or in vain';
  const { housekeeping } = registry;
  const surplus = args.n ? await housekeeping.find(which) : await housekeeping.collect(which);
  const rows = [
    ...surplus.versions.map(({ component, version, size }) => [
      'version',
      `${component}:${version}`,
      formatByteSize(size),
    ]),
    ...surplus.uploads.map(({ hash, size }) => ['upload', hash, formatByteSize(size)]),
    ...surplus.files.map(({ hash, size }) => ['file', hash, formatByteSize(size)]),
    ...surplus.derived.map(({ kind, hash, size }) => [kind, hash, formatByteSize(size)]),
  ];
  const { bytes, files } = surplus.freed;
  const last = `${args.n ? 'would free' : 'freed'} ${formatByteSize(bytes)} in ${files} files\n`;
  return {
    value: { ...surplus, versions: surplus.versions.map(versionJson), removed: !args.n },
    text: columns(rows) + last,
    warning: surplus.spared
      ? 'the clock jumped ahead or is far ahead of the last record: the audit log and the history keep old records for a day'
      : '',
  };
});

export const fsck = command(FSCK, [], async ({ registry }, args) => {
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
  return `checked ${counts.join(', ')}: ${open === 0 ? 'no problem found' : `${open} problem${open === 1 ? '' : 's'} found`}\n`;
}

function findingJson(finding: Finding): object {
  const { problem, hash, versions, configurations, detail, repair } = finding;
  const { harm, repair: remedy } = PROBLEMS[problem];
  const ended =
    repair === undefined ? {} : { repaired: repair.failure === undefined, failure: repair.failure };
  return { problem, harm, hash, versions, configurations, detail, remedy, ...ended };
}
