import { describeError } from '@deploy-tools/shared/errors.js';
import { excerpt } from '@deploy-tools/shared/printable.js';
import type { ServerChannel, Session } from 'ssh2';
import { dispatch } from '../commands/dispatch.js';
import type { Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import { agentFiles } from '../sftp/agent-files.js';
import { operatorFiles } from '../sftp/operator-files.js';
import { serveSftp } from '../sftp/serve-sftp.js';
import { agentExec } from './agent-exec.js';
import { ChannelFeed } from './channel-feed.js';
import { serveConsole } from './console/console.js';
import { TerminalSize } from './console/terminal-size.js';
import type { SessionContext } from './session-context.js';
import { TextOutlet } from './text-outlet.js';

const CTRL_C = 3;

/**
 * Serves one session channel: SFTP for both roles; exec and the console for operators. Agents are refused exec but for
 * what agent-exec.ts has; the original refuses all of it.
 */
export function serveSession(
  registry: Registry,
  principal: Principal,
  session: Session,
  context: SessionContext,
): void {
  const size = new TerminalSize();
  session.on('pty', (accept, _reject, info) => {
    size.set(info.cols, info.rows);
    accept?.();
  });
  session.on('window-change', (accept, _reject, info) => {
    size.set(info.cols, info.rows);
    accept?.();
  });
  session.on('subsystem', (accept, reject, { name }) => {
    if (name !== 'sftp') {
      reject?.(); // missing where no reply is wanted
      return;
    }
    void hold(context, 'sftp', () => runSftp(registry, principal, accept(), context));
  });
  if (principal.role !== 'operator') {
    session.on('exec', (accept, reject, { command }) => {
      const serve = agentExec(registry, command, context);
      if (serve === undefined) {
        context.log.warn(
          { command: excerpt(command) },
          'exec refused: agents get SFTP, watch and report only',
        );
        reject?.();
        return;
      }
      const channel = accept();
      void hold(context, 'exec', () => serve(channel));
    });
    return;
  }
  session.on('exec', (accept, _reject, { command }) => {
    const channel = accept();
    void hold(context, 'exec', () => runExec(registry, principal, channel, command, size.given, context));
  });
  session.on('shell', (accept) => {
    const channel = accept();
    void hold(context, 'console', () =>
      serveConsole(registry, principal, channel, size.given ? size : undefined, context),
    );
  });
}

/** Whatever a channel's work throws is logged here; it must not reach the process. */
async function hold(context: SessionContext, what: string, work: () => Promise<void>): Promise<void> {
  const over = context.place.begin();
  try {
    await work();
  } catch (error) {
    context.log.error(
      { err: describeError(error), stack: error instanceof Error ? error.stack : undefined },
      `${what} failed`,
    );
  } finally {
    over();
  }
}

async function runExec(
  registry: Registry,
  principal: Principal,
  channel: ServerChannel,
  line: string,
  onTerminal: boolean,
  { activity, log, outbound }: SessionContext,
): Promise<void> {
  const done = activity.begin();
  const outlet = new TextOutlet(channel, outbound);
  const feed = new ChannelFeed(outlet, channel, activity, onTerminal);
  const shown = (text: string) => (onTerminal ? text.replace(/\r?\n/g, '\r\n') : text);
  channel.on('error', (error: Error) => log.debug({ err: error.message }, 'channel broke'));
  // Standard input is not used otherwise; its EOF must still be seen.
  channel.on('data', (keys: Buffer) => {
    if (onTerminal && keys.includes(CTRL_C)) feed.end();
  });
  try {
    const reply = await dispatch(registry, principal, 'exec', line, {
      send: (text) => feed.send(shown(text)),
      signal: feed.signal,
      terminal: onTerminal,
    });
    await outlet.send(channel, shown(reply.stdout));
    await outlet.send(channel.stderr, shown(reply.stderr));
    channel.exit(reply.status);
    channel.end();
  } finally {
    feed.close();
    done();
  }
}

async function runSftp(
  registry: Registry,
  principal: Principal,
  channel: ServerChannel,
  { activity, log, outbound, handles, memory }: SessionContext,
): Promise<void> {
  channel.on('error', (error: Error) => log.debug({ err: error.message }, 'channel broke'));
  const files =
    principal.role === 'agent'
      ? agentFiles(registry, { access: principal.access, log, transfers: activity })
      : operatorFiles(registry, principal, log, activity);
  log.debug('sftp session opened');
  const status = await serveSftp(channel, files, { outbound, handles, log, transfers: activity, memory });
  log.debug({ status }, 'sftp session closed');
}
