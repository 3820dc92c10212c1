import { WATCH } from '@deploy-tools/shared/commands/command-specs.js';
import { printableLine } from '@deploy-tools/shared/printable.js';
import { watchLineJson } from '@deploy-tools/shared/watch-line.js';
import { checkWatchedNames, feedWatch, type Notice, watchEvent } from '../core/watch.js';
import { streamingCommand } from './command.js';
import { printableJsonLine } from './printable-json.js';

export const watch = streamingCommand(WATCH, async ({ registry }, args, feed) => {
  const names = args.name.length === 0 ? undefined : checkWatchedNames(args.name);
  await feedWatch(registry, names, feed, args.json ? jsonLine : textLine);
  return 0;
});

/** The line that agents get too, and who made the revision by which command. */
function jsonLine(notice: Notice): string {
  const line = watchLineJson(watchEvent(notice));
  if (notice.kind === 'heartbeat') return printableJsonLine(line);
  const { author, command } = notice.head;
  const made = author === undefined ? {} : { Who: author.comment || author.fingerprint, Command: command };
  return printableJsonLine({ ...line, ...made });
}

/** Nothing for a heartbeat: people have their terminal. */
function textLine(notice: Notice): string {
  if (notice.kind === 'heartbeat') return '';
  const { name, revision, hash, mtime, author, command } = notice.head;
  const cells =
    mtime === undefined
      ? ['-', name, 'unknown']
      : [mtime, name, String(revision), hash ?? 'deleted', author?.comment || author?.fingerprint, command];
  return `${cells.map((cell) => printableLine(cell ?? '')).join('   ')}\n`;
}
