import { joinCommandLine, splitCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { type FlagValue, parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { commandUsage } from '@deploy-tools/shared/commands/command-help.js';
import { COMMAND_SPECS } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { printable } from '@deploy-tools/shared/printable.js';
import type { Feed } from '../core/feed.js';
import type { Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import type { AuditRecord } from '../meta/meta-store.js';
import type { Command, CommandContext, ExitStatus } from './command.js';
import { findCommand } from './command-table.js';
import { printableJson } from './printable-json.js';
import { withoutSecrets } from './without-secrets.js';

/** What the caller sees. The status is the original's, 0, or 1 for whatever else, help included; 3 is ours. */
export interface Reply {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** How much of a line that cannot be split into words the audit log keeps, in characters. */
const UNREADABLE_KEPT = 1000;

/** How a command line came in; kept in the audit log. */
export type Via = 'exec' | 'console';

/** For a caller who only takes the reply: a command that goes on ends at once. */
const NO_FEED: Feed = { send: async () => {}, signal: AbortSignal.abort(), terminal: false };

/**
 * Runs one command line: splits, finds the command, checks the caller's role, parses, runs, audits. A command that
 * goes on writes to the feed and is audited when it ends. Never throws: what went wrong is in the reply.
 */
export async function dispatch(
  registry: Registry,
  principal: Principal,
  via: Via,
  line: string,
  feed: Feed = NO_FEED,
): Promise<Reply> {
  const started = performance.now();
  const attempt: Attempt = { command: '', args: [], values: {}, changes: false };
  const log = registry.log.child({
    command: withoutSecrets(line),
    via,
    who: principal.comment,
    fingerprint: principal.fingerprint,
  });
  try {
    const result = await attemptLine(registry, principal, line, attempt, feed);
    log.info({ ms: elapsed(started) }, 'command done');
    if (!result.audited) return result.reply;
    const unwritten = await audit(registry, principal, via, attempt, started, undefined).then(
      () => '',
      (failure: unknown) => auditFailed(log, failure),
    );
    const troubles = registry.keyTroubles().map((trouble) => printable(`warning: ${trouble}\n`));
    return { ...result.reply, stderr: [result.reply.stderr, unwritten, ...troubles].join('') };
  } catch (thrown) {
    const error = toDeployError(thrown);
    const said = withoutSecrets(error.message); // it may quote a word that is refused
    log.warn({ ms: elapsed(started), kind: error.kind, err: said }, 'command failed');
    if (error.kind === 'internal') log.error({ err: thrown }, 'unexpected error');
    await audit(registry, principal, via, attempt, started, error).catch((failure: unknown) =>
      auditFailed(log, failure),
    );
    return { status: 1, stdout: '', stderr: printable(errorText(error, attempt)) };
  }
}

/** What is known of a command line so far; filled while it is read, so that refused ones are audited too. */
interface Attempt {
  command: string;
  args: readonly string[];
  values: Readonly<Record<string, FlagValue>>;
  changes: boolean;
  parsing?: Command | undefined;
}

async function attemptLine(
  registry: Registry,
  principal: Principal,
  line: string,
  attempt: Attempt,
  feed: Feed,
): Promise<{ reply: Reply; audited: boolean }> {
  attempt.args = [line.slice(0, UNREADABLE_KEPT)]; // until it is split
  const [name, ...args] = splitCommandLine(line);
  if (name === undefined)
    throw new DeployError('usage', 'nothing to do', { hint: 'help lists the commands' });
  attempt.command = name;
  attempt.args = args;
  const found = findCommand(name);
  if (found === undefined) throw unknownCommand();
  attempt.changes = found.spec.changes;
  if (found.spec.role !== principal.role)
    throw new DeployError('denied', `${principal.role}s may not run ${name}`);
  attempt.parsing = found;
  const parsed = parseFlags(found.spec, args);
  attempt.parsing = undefined;
  if (parsed.help)
    return { reply: { status: 1, stdout: commandUsage(found.spec), stderr: '' }, audited: false };
  attempt.values = parsed.values;
  const { fingerprint, comment, user, address } = principal;
  const author = { fingerprint, comment, user, address };
  const ifRevision = parsed.values['if-revision'];
  const change = {
    author,
    command: joinCommandLine([name, ...args]),
    ...(typeof ifRevision === 'number' ? { ifRevision } : {}),
  };
  const done = await output(
    found,
    { registry, principal, change, terminal: feed.terminal },
    parsed.values,
    feed,
  );
  return { reply: done, audited: name !== 'help' };
}

async function output(
  command: Command,
  context: CommandContext,
  values: Readonly<Record<string, FlagValue>>,
  feed: Feed,
): Promise<Reply> {
  if ('stream' in command) {
    return { status: await command.stream(context, values, feed), stdout: '', stderr: '' };
  }
  const { status = 0, value, text, warning = '' } = await command.run(context, values);
  const stdout = values.json === true ? printableJson(value) : printable(text);
  return { status, stdout, stderr: warning === '' ? '' : printable(`warning: ${warning}\n`) };
}

async function audit(
  registry: Registry,
  principal: Principal,
  via: Via,
  attempt: Attempt,
  started: number,
  error: DeployError | undefined,
): Promise<void> {
  const refused = error?.kind === 'usage' || error?.kind === 'denied';
  const record: AuditRecord = {
    time: registry.clock().toISOString(),
    fingerprint: principal.fingerprint,
    comment: principal.comment,
    user: principal.user,
    address: principal.address,
    via,
    command: attempt.command,
    args: attempt.args.map(withoutSecrets),
    subjects: subjectsOf(attempt.values),
    changes: attempt.changes,
    result: error === undefined ? 'ok' : refused ? 'refused' : 'failed',
    ...(error === undefined ? {} : { error: withoutSecrets(error.message) }),
    durationMs: elapsed(started),
  };
  await registry.meta.write((tx) => tx.appendAudit(record));
}

/** What was done stays done: a failure now is for the log, and for who ran the command to pass on. */
function auditFailed(log: Logger, failure: unknown): string {
  log.error({ err: describeError(failure) }, 'the audit log cannot be written');
  return printable(`the command is done, but the audit log cannot be written: ${describeError(failure)}\n`);
}

/** The components, configurations and hosts that the arguments name. */
function subjectsOf(values: Readonly<Record<string, FlagValue>>): string[] {
  const words = [values.name, values.component, values.host]
    .flat()
    .filter((value) => typeof value === 'string');
  const layers = Array.isArray(values.layer)
    ? values.layer.map((layer: string) => layer.split(':', 1)[0] ?? '')
    : [];
  return [...words, ...layers];
}

function errorText(error: DeployError, attempt: Attempt): string {
  const usage = attempt.parsing === undefined ? '' : commandUsage(attempt.parsing.spec);
  return `${describeError(error)}\n${usage}`;
}

function unknownCommand(): DeployError {
  const names = ['help', ...COMMAND_SPECS.map((spec) => spec.name).filter((name) => name !== 'help')];
  return new DeployError('usage', `Unknown command, supported commands are:\n${names.join(', ')}`);
}

function elapsed(started: number): number {
  return Math.round((performance.now() - started) * 10) / 10;
}
