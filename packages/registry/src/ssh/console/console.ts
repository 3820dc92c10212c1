import { createInterface, type Interface } from 'node:readline';
import { PassThrough, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { MAX_COMMAND_LINE } from '@deploy-tools/shared/cli/command-line.js';
import type { ServerChannel } from 'ssh2';
import type { Reply } from '../../commands/dispatch.js';
import { auditedLine } from '../../core/audit-log.js';
import { ChannelFeed } from '../channel-feed.js';
import type { SessionContext, SessionServices } from '../session-context.js';
import { TextOutlet } from '../text-outlet.js';
import { complete } from './complete.js';
import { ReverseSearch } from './reverse-search.js';
import type { TerminalSize } from './terminal-size.js';

const PROMPT = '> ';
const CTRL_C = '\x03';
const MAX_HISTORY_LINES = 500;
/** The longest line on a terminal, as in the Go registry. The time for editing grows with the square of its length. */
const MAX_TERMINAL_LINE = 4096;
/** Lines typed ahead of the running command at which reading pauses, and at which it resumes. */
const PAUSE_AT_LINES = 1000;
const RESUME_AT_LINES = 100;

/** Serves an operator's console on one channel. */
export class ConsoleSession {
  readonly #services: Pick<SessionServices, 'dispatcher' | 'console'>;
  readonly #context: Pick<SessionContext, 'principal' | 'activity' | 'outbound'>;
  readonly #channel: ServerChannel;
  readonly #outlet: TextOutlet;
  /** The feed of the running command, which Ctrl-C ends. */
  #running: ChannelFeed | undefined;

  constructor(
    services: Pick<SessionServices, 'dispatcher' | 'console'>,
    context: Pick<SessionContext, 'principal' | 'activity' | 'outbound'>,
    channel: ServerChannel,
  ) {
    this.#services = services;
    this.#context = context;
    this.#channel = channel;
    channel.on('error', () => channel.destroy());
    this.#outlet = new TextOutlet(channel, context.outbound);
  }

  /**
   * Serves a prompt with line editing on a terminal, else the plain lines of standard input. A failed command does not end the
   * console. Its exit status is 0 on a terminal; else 1 when any command failed.
   */
  async run(size: TerminalSize | undefined): Promise<void> {
    const status = size === undefined ? await this.#serveLines() : await this.#serveTerminal(size);
    this.#channel.exit(status);
    this.#channel.end();
  }

  async #serveTerminal(size: TerminalSize): Promise<number> {
    const history = await this.#recentCommands();
    const input = new PassThrough();
    const output = terminalOutput(this.#channel, size);
    const readline = this.#openReadline(input, output, history);
    feedKeys(this.#channel, input, new LineEditor(readline, history));
    const lines = lineQueue(readline, this.#channel);
    this.#channel.once('close', () => readline.close());
    readline.on('close', () => this.#running?.end());
    readline.on('SIGINT', () => {
      output.write('^C\n');
      this.#running?.end();
      clearLine(readline);
      readline.prompt();
    });
    readline.on('SIGTSTP', () => {}); // without a listener readline would stop this whole process
    readline.prompt();
    for await (const line of lines) {
      if (line.trim() !== '') {
        if (isFarewell(line)) break;
        const reply = await this.#runLine(line, output, true);
        await this.#outlet.send(output, reply.stdout + reply.stderr);
      }
      readline.prompt();
    }
    readline.close();
    output.write('\n');
    return 0;
  }

  /** Runs each complete line of standard input, and the last one even without a newline. */
  async #serveLines(): Promise<number> {
    const channel = this.#channel;
    let failed = false;
    let pending = '';
    const decoder = new StringDecoder('utf8');
    const runLine = async (line: string): Promise<boolean> => {
      if (line.trim() === '') return true;
      if (isFarewell(line)) return false;
      const reply = await this.#runLine(line, channel, false);
      await this.#outlet.send(channel, reply.stdout);
      await this.#outlet.send(channel.stderr, reply.stderr);
      if (reply.status !== 0) failed = true;
      return true;
    };
    // A destroyed channel cannot send the exit status.
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

  async #runLine(line: string, stream: NodeJS.WritableStream, terminal: boolean): Promise<Reply> {
    const { activity, principal } = this.#context;
    const endActivity = activity.begin();
    const feed = new ChannelFeed(this.#outlet, stream, { activity, terminal });
    this.#running = feed;
    try {
      return await this.#services.dispatcher.run({ principal, via: 'console' }, line, feed);
    } finally {
      this.#running = undefined;
      feed.close();
      endActivity();
    }
  }

  #openReadline(input: PassThrough, output: Writable, history: string[]): Interface {
    return createInterface({
      input,
      output,
      terminal: true,
      prompt: PROMPT,
      history,
      historySize: MAX_HISTORY_LINES,
      removeHistoryDuplicates: true,
      crlfDelay: Number.POSITIVE_INFINITY,
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        complete(this.#services.console, this.#context.principal, line).then(
          (found) => done(null, found),
          () => done(null, [[], line]), // offers nothing; the command itself will report the failure
        );
      },
    });
  }

  /** The operator's last commands on the console, newest first, from earlier sessions too. */
  async #recentCommands(): Promise<string[]> {
    const query = { who: this.#context.principal.fingerprint, limit: MAX_HISTORY_LINES };
    const records = await this.#services.console.meta.read((tx) => tx.audit(query));
    const lines = records
      .filter(({ via }) => via === 'console')
      .map(auditedLine)
      .reverse();
    return [...new Set(lines)];
  }
}

/** Applies the keys that readline does not handle to the typed line. */
class LineEditor {
  readonly #readline: Interface;
  readonly #search: ReverseSearch;
  /** Whether characters of the typed line were dropped because it is too long. */
  #isCutShort = false;

  constructor(readline: Interface, history: readonly string[]) {
    this.#readline = readline;
    this.#search = new ReverseSearch(readline, PROMPT, history);
  }

  /** @returns `pass` for a key of readline's; `too-long` for Enter after a line that is too long to be run. */
  take(key: string): 'pass' | 'taken' | 'too-long' {
    if (isUnbound(key) || this.#search.key(key)) return 'taken';
    if (key >= ' ' && this.#readline.line.length >= MAX_TERMINAL_LINE) {
      this.#isCutShort = true;
      return 'taken';
    }
    if (this.#isCutShort && (key === '\r' || key === '\n')) {
      this.#isCutShort = false;
      return 'too-long';
    }
    if (key === CTRL_C) this.#isCutShort = false;
    return 'pass';
  }

  clear(): void {
    clearLine(this.#readline);
  }
}

/** Deletes the typed line: Ctrl-E moves to its end, Ctrl-U deletes all before. */
function clearLine(readline: Interface): void {
  readline.write(null, { ctrl: true, name: 'e' });
  readline.write(null, { ctrl: true, name: 'u' });
}

/** Gives keys to readline one by one: on Node.js 20 it puts pasted text at the end of the line, not at the cursor. */
function feedKeys(channel: ServerChannel, input: PassThrough, editor: LineEditor): void {
  const decoder = new StringDecoder('utf8');
  channel.on('data', (chunk: Buffer) => {
    for (const key of decoder.write(chunk)) {
      const effect = editor.take(key);
      if (effect === 'pass') input.write(key);
      if (effect !== 'too-long') continue;
      channel.write(`\r\nthe line was not run: it is longer than ${MAX_TERMINAL_LINE} characters\r\n`);
      editor.clear();
    }
  });
  channel.on('end', () => input.end());
}

/** Whether a key is Ctrl-\, Ctrl-], Ctrl-^ or a C1 control: readline would put these into the line, invisibly. */
function isUnbound(key: string): boolean {
  return (key >= '\x1c' && key <= '\x1e') || (key >= '\x80' && key <= '\x9f');
}

/** The terminal for readline: `\n` becomes `\r\n`, as a terminal in raw mode needs it. */
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

/** The typed lines in order, with those typed ahead while a command runs; ends when readline closes. */
async function* lineQueue(
  readline: Interface,
  channel: ServerChannel,
): AsyncGenerator<string, void, undefined> {
  const queue: string[] = [];
  let closed = false;
  let wake = () => {};
  readline.on('line', (line) => {
    queue.push(line);
    if (queue.length >= PAUSE_AT_LINES) channel.pause();
    wake();
  });
  readline.on('close', () => {
    closed = true;
    wake();
  });
  for (;;) {
    const line = queue.shift();
    if (queue.length <= RESUME_AT_LINES) channel.resume();
    if (line !== undefined) yield line;
    else if (closed) return;
    else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

function isFarewell(line: string): boolean {
  return /^\s*(exit|quit|logout)\s*$/.test(line);
}
