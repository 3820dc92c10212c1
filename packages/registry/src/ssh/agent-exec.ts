import { splitCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { excerpt } from '@deploy-tools/shared/printable.js';
import { encodeWatchLine } from '@deploy-tools/shared/watch-line.js';
import type { ServerChannel } from 'ssh2';
import { requireReadable } from '../core/access.js';
import type { Feed } from '../core/feed.js';
import { ReportSession } from '../core/fleet/report-session.js';
import { checkWatchedNames, watchEvent } from '../core/watch.js';
import { ChannelFeed } from './channel-feed.js';
import { serveReport } from './report-channel.js';
import type { SessionContext, SessionServices } from './session-context.js';
import { TextOutlet } from './text-outlet.js';

/** Unsent bytes for one agent at which its command waits; there may be thousands of agents. */
const MAX_WAITING_BYTES = 64 * 1024;

/** One command line of an agent. */
interface AgentCall {
  readonly services: Pick<SessionServices, 'watches' | 'reports'>;
  readonly context: Pick<SessionContext, 'activity' | 'log' | 'outbound' | 'speaker'>;
  readonly words: readonly string[];
}

/** @throws DeployError; its description is written to standard error. */
type AgentCommand = (call: AgentCall, channel: ServerChannel, feed: Feed) => Promise<void>;

/** The commands of agents. They are not audited, as agents run them after each connect. */
const COMMANDS: Readonly<Record<string, AgentCommand>> = { watch, report };

/** Returns a function that serves the command line on its channel; undefined when agents may not run the command. */
export function agentExec(
  services: AgentCall['services'],
  context: AgentCall['context'],
  line: string,
): ((channel: ServerChannel) => Promise<void>) | undefined {
  const [name = '', ...words] = wordsOf(line);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return undefined;
  const { activity, log, outbound } = context;
  return async (channel) => {
    const endActivity = activity.begin();
    const outlet = new TextOutlet(channel, outbound, MAX_WAITING_BYTES);
    const feed = new ChannelFeed(outlet, channel, { activity, terminal: false });
    channel.on('error', (error: Error) => log.debug({ err: error.message }, 'channel broke'));
    try {
      await command({ services, context, words }, channel, feed);
      channel.exit(0);
    } catch (thrown) {
      const error = toDeployError(thrown);
      const facts = { command: excerpt(line), kind: error.kind, err: excerpt(error.message) };
      log.warn(facts, 'command failed');
      await outlet.send(channel.stderr, `${describeError(error)}\n`);
      channel.exit(1);
    } finally {
      channel.end();
      feed.close();
      endActivity();
    }
  };
}

/** Serves `watch NAME…`. Every word is a name, even with a dash at its beginning. */
async function watch(call: AgentCall, channel: ServerChannel, feed: Feed): Promise<void> {
  const { services, context, words } = call;
  channel.resume(); // discards standard input, so that its end of file arrives
  if (words.length === 0) throw new DeployError('usage', 'name the configurations to watch');
  const names = checkWatchedNames(words);
  for (const name of names) requireReadable(context.speaker.access, name);
  const watching = await services.watches.open(names);
  await watching.feed(feed, (update) => encodeWatchLine(watchEvent(update)));
}

async function report(call: AgentCall, channel: ServerChannel, feed: Feed): Promise<void> {
  const { services, context, words } = call;
  if (words.length > 0) throw new DeployError('usage', 'report takes no arguments');
  await serveReport(new ReportSession(services.reports, context.speaker), channel, feed);
}

function wordsOf(line: string): string[] {
  try {
    return splitCommandLine(line);
  } catch {
    return []; // a line that cannot be split names no command
  }
}
