import { CHECK } from '@deploy-tools/shared/commands/track-specs.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import { type CheckReport, noTrack } from '../core/tracks/track-runner.js';
import { command } from './command.js';
import { checkJson } from './track-json.js';

type Checked = CheckReport | { readonly component: string; readonly error: string };

export const check = command(CHECK, async ({ registry }, args) => {
  const followed = await registry.meta.read((tx) => tx.tracks.tracks());
  const wanted = followed
    .map(({ track }) => track.component)
    .filter((component) => args.component === undefined || component === args.component);
  if (args.component !== undefined && wanted.length === 0) throw noTrack(args.component);
  const reports = await Promise.all(
    wanted.map((component) =>
      registry.tracks.runner
        .check(component)
        .catch((error: unknown): Checked => ({ component, error: describeError(error) })),
    ),
  );
  return {
    status: reports.some((report) => 'error' in report) ? 1 : 0,
    value: reports.map(checkJson),
    text: reports.length === 0 ? 'no source is followed\n' : reports.map(text).join(''),
  };
});

function text(report: Checked): string {
  const { component } = report;
  if ('error' in report) return `${printableLine(`${component}: ${report.error}`)}\n`;
  const lines = [
    ...report.added.map((layer) => `added ${layer.component}:${layer.version}`),
    ...report.bumped.map((name) => `bumped ${name}`),
    ...report.waiting,
  ];
  return (lines.length === 0 ? ['nothing new'] : lines)
    .map((line) => `${printableLine(`${component}: ${line}`)}\n`)
    .join('');
}
