import { describeError } from '@deploy-tools/shared/errors.js';
import { excerpt } from '@deploy-tools/shared/printable.js';
import type { ServerChannel, Session } from 'ssh2';
import { AgentTree } from '../sftp/agent-tree.js';
import { OperatorTree } from '../sftp/operator-tree.js';
import { serveSftp } from '../sftp/serve-sftp.js';
import { agentExec } from './agent-exec.js';
import { ChannelFeed } from './channel-feed.js';
import { ConsoleSession } from './console/console.js';
import { TerminalSize } from './console/terminal-size.js';
import type { SessionContext, SessionServices } from './session-context.js';
import { TextOutlet } from './text-outlet.js';

const CTRL_C = 3;

/**
 * Serves one session channel: SFTP for both roles; exec and the console for operators. Agents get exec only for the commands
 * of agent-exec.ts; the Go registry refuses them all.
 */
export class ServedSession {
  readonly #services: SessionServices;
  readonly #context: SessionContext;
  readonly #size = new TerminalSize();

  constructor(services: SessionServices, context: SessionContext) {
    this.#services = services;
    this.#context = context;
  }

  listen(session: Session): void {
    session.on('pty', (accept, _reject, info) => {
      this.#size.set(info.cols, info.rows);
      accept?.();
    });
    session.on('window-change', (accept, _reject, info) => {
      this.#size.set(info.cols, info.rows);
      accept?.();
    });
    session.on('subsystem', (accept, reject, { name }) => {
      if (name === 'sftp') this.#start('sftp', accept(), (channel) => this.#sftp(channel));
      else reject?.(); // undefined when the client wants no reply
    });
    if (this.#context.principal.role === 'operator') this.#listenToOperator(session);
    else this.#listenToAgent(session);
  }

  #listenToOperator(session: Session): void {
    session.on('exec', (accept, _reject, { command }) => {
      this.#start('exec', accept(), (channel) => this.#exec(channel, command));
    });
    session.on('shell', (accept) => {
      const size = this.#size.given ? this.#size : undefined;
      this.#start('console', accept(), (channel) =>
        new ConsoleSession(this.#services, this.#context, channel).run(size),
      );
    });
  }

  #listenToAgent(session: Session): void {
    session.on('exec', (accept, reject, { command }) => {
      const serve = agentExec(this.#services, this.#context, command);
      if (serve !== undefined) {
        this.#start('exec', accept(), serve);
        return;
      }
      const line = { command: excerpt(command) };
      this.#context.log.warn(line, 'exec refused: agents get SFTP, watch and report only');
      reject?.();
    });
  }

  /** Runs the work of a channel; logs the error that it throws. */
  #start(what: string, channel: ServerChannel, work: (channel: ServerChannel) => Promise<void>): void {
    const { log, place } = this.#context;
    const end = place.begin();
    work(channel)
      .catch((error: unknown) => {
        const stack = error instanceof Error ? error.stack : undefined;
        log.error({ err: describeError(error), stack }, `${what} failed`);
      })
      .finally(end);
  }

  async #exec(channel: ServerChannel, line: string): Promise<void> {
    const { activity, log, outbound, principal } = this.#context;
    const terminal = this.#size.given;
    const endActivity = activity.begin();
    const outlet = new TextOutlet(channel, outbound);
    const feed = new ChannelFeed(outlet, channel, { activity, terminal });
    const shown = (text: string) => (terminal ? text.replace(/\r?\n/g, '\r\n') : text);
    channel.on('error', (error: Error) => log.debug({ err: error.message }, 'channel broke'));
    // Standard input is not used otherwise; reading it makes its end of file arrive.
    channel.on('data', (keys: Buffer) => {
      if (terminal && keys.includes(CTRL_C)) feed.end();
    });
    try {
      const reply = await this.#services.dispatcher.run({ principal, via: 'exec' }, line, {
        send: (text) => feed.send(shown(text)),
        signal: feed.signal,
        terminal,
      });
      await outlet.send(channel, shown(reply.stdout));
      await outlet.send(channel.stderr, shown(reply.stderr));
      channel.exit(reply.status);
      channel.end();
    } finally {
      feed.close();
      endActivity();
    }
  }

  async #sftp(channel: ServerChannel): Promise<void> {
    const { activity: transfers, log, outbound, handles, memory, principal } = this.#context;
    const { agentTree, operatorTree } = this.#services;
    channel.on('error', (error: Error) => log.debug({ err: error.message }, 'channel broke'));
    const files =
      principal.role === 'agent'
        ? new AgentTree(agentTree, { access: principal.access, log, transfers })
        : new OperatorTree(operatorTree, { principal, log, transfers });
    log.debug('sftp session opened');
    const status = await serveSftp(channel, files, { outbound, handles, log, transfers, memory });
    log.debug({ status }, 'sftp session closed');
  }
}
