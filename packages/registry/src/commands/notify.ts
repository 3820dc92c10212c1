import { columns } from '@deploy-tools/shared/columns.js';
import { NOTIFY, type NOTIFY_ACTIONS } from '@deploy-tools/shared/commands/notify-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import type { ListedReceiver } from '../core/notices/notifier.js';
import { authorName } from '../core/principal.js';
import { type CommandContext, type CommandResult, command } from './command.js';
import { seconds } from './json-shapes.js';

type Action = (typeof NOTIFY_ACTIONS)[number];

interface Args {
  readonly receiver: string | undefined;
  readonly event: readonly string[];
  readonly name: readonly string[];
  readonly v: boolean;
}

export const notify = command(NOTIFY, ['do'], async (context, args) => {
  const { do: action } = args;
  const isFiltered = args.event.length + args.name.length > 0;
  if (isFiltered && action !== 'add') throw new DeployError('usage', '-event and -name are for notify add');
  return ACTIONS[action as Action](context, args);
});

const ACTIONS: Readonly<Record<Action, (context: CommandContext, args: Args) => Promise<CommandResult>>> = {
  add: async ({ registry, change }, { receiver, event, name }) => {
    const { receiver: url } = required({ receiver });
    const { fingerprint, comment } = change.author;
    const filter = { events: [...new Set(event)], names: [...new Set(name)] };
    const { id } = await registry.notices.add({ url, ...filter, fingerprint, comment });
    return one(
      registry.notices.list(),
      id,
      `receiver ${id} added; to see a message there: notify test ${id}\n`,
    );
  },
  list: async ({ registry }, { receiver, v }) => {
    const id = receiver === undefined ? undefined : idOf(receiver);
    if (id !== undefined) registry.notices.require(id);
    const listed = registry.notices.list().filter(({ record }) => id === undefined || record.id === id);
    return { value: listed.map(receiverJson), text: receiversText(listed, v) };
  },
  test: async ({ registry, change }, { receiver }) => {
    const id = idOf(required({ receiver }).receiver);
    await registry.notices.test(id, authorName(change.author));
    return one(registry.notices.list(), id, `receiver ${id} has taken a test message\n`);
  },
  remove: async ({ registry }, { receiver }) => {
    const id = idOf(required({ receiver }).receiver);
    const listed = registry.notices.list();
    await registry.notices.remove(id);
    return one(listed, id, '');
  },
};

function one(listed: readonly ListedReceiver[], id: number, text: string): CommandResult {
  const found = listed.find(({ record }) => record.id === id);
  return { value: found === undefined ? null : receiverJson(found), text };
}

function idOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new DeployError('usage', `"${text}" is not the number of a receiver`, {
    hint: 'notify list shows the receivers',
  });
}

const HEADER = ['NUMBER', 'DELIVERED', 'LOST', 'WAITING', 'URL', 'EVENTS', 'NAMES'];

/** A receiver in `-json` output; documented in docs/protocol.md. */
function receiverJson({ record, report }: ListedReceiver): object {
  const { id, url, events, names, added, fingerprint, comment } = record;
  const { delivered = 0, lost = 0, waiting = 0, error = null, log = [] } = report ?? {};
  const deliveries = log.map((delivery) => ({ ...delivery, error: delivery.error ?? null }));
  return { id, url, events, names, added, fingerprint, comment, delivered, lost, waiting, error, deliveries };
}

/** @param verbose with the last deliveries of each. */
function receiversText(listed: readonly ListedReceiver[], verbose: boolean): string {
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
