import { WATCH } from '@deploy-tools/shared/commands/command-specs.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import { watchLineJson } from '@deploy-tools/shared/watch-line.js';
import { checkWatchedNames, type WatchUpdate, watchEvent } from '../core/watch.js';
import { streamingCommand } from './command.js';
import { printableJsonLine } from './printable-json.js';

export const watch = streamingCommand(WATCH, [], async ({ registry }, args, feed) => {
  const names = args.name.length === 0 ? undefined : checkWatchedNames(args.name);
  const watching = await registry.watches.open(names);
  await watching.feed(feed, args.json ? jsonLine : textLine);
  return 0;
});

/** The line that agents get, with the author of the revision and its command. */
function jsonLine(update: WatchUpdate): string {
  const line = watchLineJson(watchEvent(update));
  if (update.kind === 'heartbeat') return printableJsonLine(line);
  const { author, command } = update.head;
  const made = author === undefined ? {} : { Who: author.comment || author.fingerprint, Command: command };
  return printableJsonLine({ ...line, ...made });
}

/** The line for a terminal; empty for a heartbeat. */
function textLine(update: WatchUpdate): string {
  if (update.kind === 'heartbeat') return '';
  const { name, revision, hash, mtime, author, command } = update.head;
  const cells =
    mtime === undefined
      ? ['-', name, 'unknown']
      : [mtime, name, String(revision), hash ?? 'deleted', author?.comment || author?.fingerprint, command];
  return `${cells.map((cell) => printableLine(cell ?? '')).join('   ')}\n`;
}
