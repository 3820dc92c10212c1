import { joinCommandLine, splitCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { type FlagValue, parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { commandUsage } from '@deploy-tools/shared/commands/command-help.js';
import { COMMAND_SPECS } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { printable } from '@deploy-tools/shared/printable.js';
import { type AuditLog, elapsedMs } from '../core/audit-log.js';
import type { Feed } from '../core/feed.js';
import { authorOf, type Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import type { Command, ExitStatus } from './command.js';
import { findCommand } from './command-table.js';
import { printableJson } from './printable-json.js';

const USER = /(:\/\/)[^\s/?#@'"]*@/g;
/** A parameter whose name looks like a secret's. The lengths are bounded, so that each match is fast. */
const NAMED =
  /([?&][^\s=&?'"]{0,60}(?:token|secret|passw|credential|key|sig|auth)[^\s=&?'"]{0,60}=)[^\s&'"]*/gi;
/** A parameter that names the place of a secret. */
const PLACE = /^[?&]secret-(?:env|file)=/i;

/** Masks parts of URLs that look like secrets: the log and the audit log contain refused command lines too. */
export function withoutSecrets(text: string): string {
  if (!text.includes('://')) return text;
  const named = text.replace(NAMED, (found, name: string) => (PLACE.test(found) ? found : `${name}***`));
  return named.replace(USER, '$1***@');
}

/** The reply to a command line. As in the Go registry the status is 0, or 1 for failures and help; 3 is ours. */
export interface Reply {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** Characters that the audit log keeps of a line that cannot be split into words. */
const MAX_UNREADABLE_LENGTH = 1000;

/** The principal of a command line, and the way by which it came. */
export interface Caller {
  readonly principal: Principal;
  readonly via: 'exec' | 'console';
}

/** The feed of a caller who takes only the reply: a streaming command ends at once. */
const NO_FEED: Feed = { send: async () => {}, signal: AbortSignal.abort(), terminal: false };

export interface DispatcherParts {
  readonly registry: Registry;
  readonly audit: AuditLog;
  readonly log: Logger;
  /** The present problems of the key files, a sentence each. */
  readonly keyTroubles: () => readonly string[];
}

/** Runs command lines. */
export class Dispatcher {
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /**
   * Runs a command line: splits it, finds the command, checks the caller's role, parses, runs, audits. A streaming command
   * writes to the feed, and is audited when it ends. Never throws: the reply contains the error.
   */
  run(caller: Caller, line: string, feed: Feed = NO_FEED): Promise<Reply> {
    return new CommandLine(this.#parts, caller, line).run(feed);
  }
}

/** One command line. Its fields are filled in while it is read, so that refused lines are audited too. */
class CommandLine {
  readonly #parts: DispatcherParts;
  readonly #caller: Caller;
  readonly #line: string;
  readonly #log: Logger;
  readonly #started = performance.now();
  #command = '';
  #args: readonly string[];
  #values: Readonly<Record<string, FlagValue>> = {};
  #changes = false;
  /** The command whose flags are being parsed: a failure shows its usage. */
  #parsing: Command | undefined;
  /** Help is not audited and gets no warnings. */
  #isHelp = false;

  constructor(parts: DispatcherParts, caller: Caller, line: string) {
    this.#parts = parts;
    this.#caller = caller;
    this.#line = line;
    this.#args = [line.slice(0, MAX_UNREADABLE_LENGTH)]; // until it is split
    const { principal, via } = caller;
    this.#log = parts.log.child({
      command: withoutSecrets(line),
      via,
      who: principal.comment,
      fingerprint: principal.fingerprint,
    });
  }

  async run(feed: Feed): Promise<Reply> {
    try {
      const reply = await this.#execute(feed);
      this.#log.info({ ms: elapsedMs(this.#started) }, 'command done');
      return this.#isHelp ? reply : await this.#withWarnings(reply);
    } catch (thrown) {
      const error = toDeployError(thrown);
      const message = withoutSecrets(error.message); // it may quote a refused word
      this.#log.warn({ ms: elapsedMs(this.#started), kind: error.kind, err: message }, 'command failed');
      if (error.kind === 'internal') this.#log.error({ err: thrown }, 'unexpected error');
      await this.#audit(error);
      const usage = this.#parsing === undefined ? '' : commandUsage(this.#parsing.spec);
      return { status: 1, stdout: '', stderr: printable(`${describeError(error)}\n${usage}`) };
    }
  }

  async #execute(feed: Feed): Promise<Reply> {
    const { principal } = this.#caller;
    const [name, ...args] = splitCommandLine(this.#line);
    if (name === undefined)
      throw new DeployError('usage', 'nothing to do', { hint: 'help lists the commands' });
    this.#command = name;
    this.#args = args;
    const found = findCommand(name);
    if (found === undefined) throw unknownCommand();
    this.#changes = found.spec.changes;
    if (found.spec.role !== principal.role)
      throw new DeployError('denied', `${principal.role}s may not run ${name}`);
    this.#parsing = found;
    const parsed = parseFlags(found.spec, args);
    this.#parsing = undefined;
    this.#isHelp = parsed.help || name === 'help';
    if (parsed.help) return { status: 1, stdout: commandUsage(found.spec), stderr: '' };
    this.#values = parsed.values;
    return this.#runCommand(found, feed);
  }

  async #runCommand(command: Command, feed: Feed): Promise<Reply> {
    const { principal } = this.#caller;
    const ifRevision = this.#values['if-revision'];
    const change = {
      author: authorOf(principal),
      command: joinCommandLine([this.#command, ...this.#args]),
      ...(typeof ifRevision === 'number' ? { ifRevision } : {}),
    };
    const { registry } = this.#parts;
    const context = { registry, principal, change, terminal: feed.terminal };
    if ('stream' in command) {
      return { status: await command.stream(context, this.#values, feed), stdout: '', stderr: '' };
    }
    const { status = 0, value, text, warning = '' } = await command.run(context, this.#values);
    const stdout = this.#values.json === true ? printableJson(value) : printable(text);
    return { status, stdout, stderr: warning === '' ? '' : printable(`warning: ${warning}\n`) };
  }

  /** Audits a command that succeeded, and adds the registry's warnings for operators. */
  async #withWarnings(reply: Reply): Promise<Reply> {
    const failure = await this.#audit(undefined);
    const unwritten =
      failure === undefined ? '' : `the command is done, but the audit log cannot be written: ${failure}\n`;
    const troubles = this.#parts.keyTroubles().map((trouble) => `warning: ${trouble}\n`);
    return { ...reply, stderr: reply.stderr + [unwritten, ...troubles].map(printable).join('') };
  }

  #audit(error: DeployError | undefined): Promise<string | undefined> {
    const { principal, via } = this.#caller;
    const refused = error?.kind === 'usage' || error?.kind === 'denied';
    const entry = {
      ...authorOf(principal),
      via,
      command: this.#command,
      args: this.#args.map(withoutSecrets),
      subjects: subjectsOf(this.#values),
      changes: this.#changes,
      result: error === undefined ? 'ok' : refused ? 'refused' : 'failed',
      error: error && withoutSecrets(error.message),
      durationMs: elapsedMs(this.#started),
    } as const;
    return this.#parts.audit.append(entry, this.#log);
  }
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

function unknownCommand(): DeployError {
  const names = ['help', ...COMMAND_SPECS.map((spec) => spec.name).filter((name) => name !== 'help')];
  return new DeployError('usage', `Unknown command, supported commands are:\n${names.join(', ')}`);
}
