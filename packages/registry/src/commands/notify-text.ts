import { columns } from '@deploy-tools/shared/columns.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import type { ListedReceiver } from '../core/notices/notifier.js';
import { seconds } from './json-shapes.js';

const HEADER = ['NUMBER', 'DELIVERED', 'LOST', 'WAITING', 'URL', 'EVENTS', 'NAMES'];

/** A receiver in `-json` output; documented in docs/protocol.md. */
export function receiverJson({ record, report }: ListedReceiver): object {
  const { id, url, events, names, added, fingerprint, comment } = record;
  const { delivered = 0, lost = 0, waiting = 0, error = null, log = [] } = report ?? {};
  const deliveries = log.map((delivery) => ({ ...delivery, error: delivery.error ?? null }));
  return { id, url, events, names, added, fingerprint, comment, delivered, lost, waiting, error, deliveries };
}

/** @param verbose with the last deliveries of each. */
export function receiversText(listed: readonly ListedReceiver[], verbose: boolean): string {
  if (listed.length === 0) return 'there is no receiver of notices; notify add adds one\n';
  const troubles = listed.flatMap(({ record, report }) =>
    report?.error === undefined ? [] : [`${printableLine(`receiver ${record.id}: ${report.error}`)}\n`],
  );
  const logs = verbose ? listed.map(deliveries) : [];
  return [columns([HEADER, ...listed.map(row)]), ...troubles, ...logs].join('');
}

function row({ record, report }: ListedReceiver): string[] {
  const { id, url, events, names } = record;
  const counts =
    report === undefined ? ['-', '-', '-'] : [report.delivered, report.lost, report.waiting].map(String);
  return [String(id), ...counts, url, events.join(',') || 'all', names.join(',') || 'all'];
}

function deliveries({ record, report }: ListedReceiver): string {
  const lines = (report?.log ?? []).map(({ time, result, attempts, title, error }) => [
    seconds(time),
    result,
    `${attempts}x`,
    error === undefined ? title : `${title}  # ${error}`,
  ]);
  return lines.length === 0 ? '' : `\nreceiver ${record.id}:\n${columns(lines)}`;
}
