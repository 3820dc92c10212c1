import { splitCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { excerpt } from '@deploy-tools/shared/printable.js';
import { encodeWatchLine } from '@deploy-tools/shared/watch-line.js';
import type { ServerChannel } from 'ssh2';
import { requireReadable } from '../core/access.js';
import type { Feed } from '../core/feed.js';
import type { Speaker } from '../core/fleet/presence.js';
import type { Registry } from '../core/registry.js';
import { checkWatchedNames, feedWatch, watchEvent } from '../core/watch.js';
import { ChannelFeed } from './channel-feed.js';
import { serveReport } from './report-channel.js';
import type { SessionContext } from './session-context.js';
import { TextOutlet } from './text-outlet.js';

/** What may wait to leave for an agent that does not read; there are thousands of them. */
const MAX_WAITING_BYTES = 64 * 1024;

/** What a command reads and writes, and who calls it. */
interface Call {
  readonly words: readonly string[];
  readonly feed: Feed;
  readonly channel: ServerChannel;
  readonly speaker: Speaker;
}

/** What it has of its session. */
type ExecContext = Pick<SessionContext, 'activity' | 'log' | 'outbound' | 'speaker'>;

type AgentCommand = (registry: Registry, call: Call) => Promise<void>;

/** What agents may run. It is not audited: they do so again whenever they connect. */
const COMMANDS: Readonly<Record<string, AgentCommand>> = { watch, report };

/** What serves this line on its channel; undefined when agents may not run it. */
export function agentExec(
  registry: Registry,
  line: string,
  context: ExecContext,
): ((channel: ServerChannel) => Promise<void>) | undefined {
  const [name = '', ...words] = wordsOf(line);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return undefined;
  const { speaker } = context;
  return (channel) =>
    serve(channel, context, line, (feed) => command(registry, { words, feed, channel, speaker }));
}

async function serve(
  channel: ServerChannel,
  { activity, log, outbound }: ExecContext,
  line: string,
  run: (feed: Feed) => Promise<void>,
): Promise<void> {
  const done = activity.begin();
  const outlet = new TextOutlet(channel, outbound, MAX_WAITING_BYTES);
  const feed = new ChannelFeed(outlet, channel, activity, false);
  channel.on('error', (error: Error) => log.debug({ err: error.message }, 'channel broke'));
  try {
    await run(feed);
    channel.exit(0);
  } catch (thrown) {
    const error = toDeployError(thrown);
    log.warn({ command: excerpt(line), kind: error.kind, err: excerpt(error.message) }, 'command failed');
    await outlet.send(channel.stderr, `${describeError(error)}\n`);
    channel.exit(1);
  } finally {
    channel.end();
    feed.close();
    done();
  }
}

/** `watch NAME…`: every word is a name, also one that begins with a dash. */
async function watch(registry: Registry, { words, feed, channel, speaker }: Call): Promise<void> {
  channel.resume(); // standard input is not used; its EOF must still be seen
  if (words.length === 0) throw new DeployError('usage', 'name the configurations to watch');
  const names = checkWatchedNames(words);
  for (const name of names) requireReadable(speaker.access, name);
  await feedWatch(registry, names, feed, (notice) => encodeWatchLine(watchEvent(notice)));
}

async function report(registry: Registry, { words, feed, channel, speaker }: Call): Promise<void> {
  if (words.length > 0) throw new DeployError('usage', 'report takes no arguments');
  await serveReport(registry, speaker, channel, feed);
}

function wordsOf(line: string): string[] {
  try {
    return splitCommandLine(line);
  } catch {
    return []; // no command either
  }
}
