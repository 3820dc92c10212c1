import { createInterface, type Interface } from 'node:readline';
import { PassThrough, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { MAX_COMMAND_LINE } from '@deploy-tools/shared/cli/command-line.js';
import type { ServerChannel } from 'ssh2';
import { dispatch, type Reply } from '../../commands/dispatch.js';
import { auditedLine } from '../../core/audited-line.js';
import type { Principal } from '../../core/principal.js';
import type { Registry } from '../../core/registry.js';
import type { Outbound } from '../../sftp/outbound.js';
import type { Activity } from '../activity.js';
import { ChannelFeed } from '../channel-feed.js';
import { TextOutlet } from '../text-outlet.js';
import { complete } from './complete.js';
import { ReverseSearch } from './reverse-search.js';
import type { TerminalSize } from './terminal-size.js';

const PROMPT = '> ';
const CTRL_C = '\x03';
const HISTORY = 500;
/** The longest line on a terminal, as in the original: editing takes time that grows with its square. */
const MAX_TERMINAL_LINE = 4096;
/** Lines typed ahead of the running command before reading stops, and where it goes on. */
const AHEAD = { most: 1000, few: 100 } as const;

export interface ConsoleContext {
  readonly activity: Activity;
  readonly outbound: Outbound;
}

/** Runs one line. @param onStart gets what Ctrl-C should end. */
type RunLine = (
  line: string,
  stream: NodeJS.WritableStream,
  onStart?: (feed: ChannelFeed) => void,
) => Promise<Reply>;

/**
 * The console: an edited prompt on a terminal, or plain lines of standard input without one. A failing command does
 * not end it. Its exit status is 0 on a terminal; without one, 1 when any command failed.
 */
export async function serveConsole(
  registry: Registry,
  principal: Principal,
  channel: ServerChannel,
  size: TerminalSize | undefined,
  { activity, outbound }: ConsoleContext,
): Promise<void> {
  channel.on('error', () => channel.destroy());
  const outlet = new TextOutlet(channel, outbound);
  const run: RunLine = async (line, stream, onStart) => {
    const done = activity.begin();
    const feed = new ChannelFeed(outlet, stream, activity, size !== undefined);
    onStart?.(feed);
    try {
      return await dispatch(registry, principal, 'console', line, feed);
    } finally {
      feed.close();
      done();
    }
  };
  const status =
    size === undefined
      ? await serveLines(channel, outlet, run)
      : await serveTerminal(registry, principal, channel, outlet, size, run);
  channel.exit(status);
  channel.end();
}

async function serveTerminal(
  registry: Registry,
  principal: Principal,
  channel: ServerChannel,
  outlet: TextOutlet,
  size: TerminalSize,
  run: RunLine,
): Promise<number> {
  const history = await recentCommands(registry, principal);
  const input = new PassThrough();
  const output = terminalOutput(channel, size);
  const readline = createInterface({
    input,
    output,
    terminal: true,
    prompt: PROMPT,
    history,
    historySize: HISTORY,
    removeHistoryDuplicates: true,
    crlfDelay: Number.POSITIVE_INFINITY,
    completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
      complete(registry, principal, line).then(
        (found) => done(null, found),
        () => done(null, [[], line]), // no names now: the command itself will say why
      );
    },
  });
  feedKeys(channel, input, readline, new ReverseSearch(readline, PROMPT, history));
  const lines = lineQueue(readline, channel);
  channel.once('close', () => readline.close());
  let running: ChannelFeed | undefined;
  readline.on('close', () => running?.end());
  readline.on('SIGINT', () => {
    output.write('^C\n');
    running?.end();
    readline.write(null, { ctrl: true, name: 'e' });
    readline.write(null, { ctrl: true, name: 'u' });
    readline.prompt();
  });
  readline.on('SIGTSTP', () => {}); // without a listener readline would stop this whole process
  readline.prompt();
  for await (const line of lines) {
    if (line.trim() !== '') {
      if (isFarewell(line)) break;
      const reply = await run(line, output, (feed) => {
        running = feed;
      });
      running = undefined;
      await outlet.send(output, reply.stdout + reply.stderr);
    }
    readline.prompt();
  }
  readline.close();
  output.write('\n');
  return 0;
}

/** Lines without a terminal: each is run when it is complete, the last one also without a newline. */
async function serveLines(channel: ServerChannel, outlet: TextOutlet, run: RunLine): Promise<number> {
  let failed = false;
  let pending = '';
  const decoder = new StringDecoder('utf8');
  const runLine = async (line: string): Promise<boolean> => {
    if (line.trim() === '') return true;
    if (isFarewell(line)) return false;
    const reply = await run(line, channel);
    await outlet.send(channel, reply.stdout);
    await outlet.send(channel.stderr, reply.stderr);
    if (reply.status !== 0) failed = true;
    return true;
  };
  // A destroyed channel could not send the exit status any more.
  const input: AsyncIterable<Buffer> = channel.iterator({ destroyOnReturn: false });
  for await (const chunk of input) {
    const lines = (pending + decoder.write(chunk)).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) if (!(await runLine(line.replace(/\r$/, '')))) return failed ? 1 : 0;
    if (pending.length > MAX_COMMAND_LINE) {
      channel.stderr.write(`command line is longer than ${MAX_COMMAND_LINE} bytes\n`);
      return 1;
    }
  }
  await runLine(pending + decoder.end());
  return failed ? 1 : 0;
}

/** readline on Node.js 20 puts pasted text at the end of the line; one character at a time goes where the cursor is. */
function feedKeys(
  channel: ServerChannel,
  input: PassThrough,
  readline: Interface,
  search: ReverseSearch,
): void {
  const decoder = new StringDecoder('utf8');
  let cutShort = false;
  channel.on('data', (chunk: Buffer) => {
    for (const key of decoder.write(chunk)) {
      if (isUnbound(key) || search.key(key)) continue;
      if (key >= ' ' && readline.line.length >= MAX_TERMINAL_LINE) {
        cutShort = true;
      } else if (cutShort && (key === '\r' || key === '\n')) {
        cutShort = false;
        channel.write(`\r\nthe line is longer than ${MAX_TERMINAL_LINE} characters, it was not run\r\n`);
        readline.write(null, { ctrl: true, name: 'e' });
        readline.write(null, { ctrl: true, name: 'u' });
      } else {
        if (key === CTRL_C) cutShort = false;
        input.write(key);
      }
    }
  });
  channel.on('end', () => input.end());
}

/** Ctrl-\, Ctrl-], Ctrl-^ and C1 controls: readline has no use for them and would put them into the line unseen. */
function isUnbound(key: string): boolean {
  return (key >= '\x1c' && key <= '\x1e') || (key >= '\x80' && key <= '\x9f');
}

/** What readline sees as a terminal: `\n` becomes `\r\n`, as a terminal in raw mode needs it. */
function terminalOutput(
  channel: ServerChannel,
  size: TerminalSize,
): Writable & { columns: number; rows: number } {
  const output = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      channel.write(String(chunk).replace(/\r?\n/g, '\r\n'), () => done());
    },
  });
  const sized = Object.assign(output, { columns: size.columns, rows: size.rows });
  size.onChange(() => {
    sized.columns = size.columns;
    sized.rows = size.rows;
    sized.emit('resize');
  });
  return sized;
}

/** Lines in order, also those typed ahead while a command runs; ends when readline closes. */
async function* lineQueue(
  readline: Interface,
  channel: ServerChannel,
): AsyncGenerator<string, void, undefined> {
  const queue: string[] = [];
  let closed = false;
  let wake = () => {};
  readline.on('line', (line) => {
    queue.push(line);
    if (queue.length >= AHEAD.most) channel.pause();
    wake();
  });
  readline.on('close', () => {
    closed = true;
    wake();
  });
  for (;;) {
    const line = queue.shift();
    if (queue.length <= AHEAD.few) channel.resume();
    if (line !== undefined) yield line;
    else if (closed) return;
    else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

/** The operator's own last commands on the console, newest first: the history survives the session. */
async function recentCommands(registry: Registry, principal: Principal): Promise<string[]> {
  const records = await registry.meta.read((tx) => tx.audit({ who: principal.fingerprint, limit: HISTORY }));
  const lines = records
    .filter(({ via }) => via === 'console')
    .map(auditedLine)
    .reverse();
  return [...new Set(lines)];
}

function isFarewell(line: string): boolean {
  return /^\s*(exit|quit|logout)\s*$/.test(line);
}
