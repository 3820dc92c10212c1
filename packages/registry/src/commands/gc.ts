import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { columns } from '@deploy-tools/shared/columns.js';
import { GC } from '@deploy-tools/shared/commands/housekeeping-specs.js';
import { command } from './command.js';
import { versionJson } from './json-shapes.js';

export const gc = command(GC, async ({ registry }, args) => {
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
      ? 'the clock jumped ahead or is far ahead of the last record: the audit log and the history keep what is old for a day'
      : '',
  };
});
