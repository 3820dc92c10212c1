import type { FlagSpec, FlagValue, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import type { CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import type { Change } from '../core/configurations.js';
import type { Feed } from '../core/feed.js';
import type { Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';

export interface CommandContext {
  readonly registry: Registry;
  readonly principal: Principal;
  /** The author and the command line, for the revision that a change makes. */
  readonly change: Change;
  /** Whether the command was typed at a terminal: its author can repeat it with another flag. */
  readonly terminal: boolean;
}

/** 0: done. 1: the command failed, or found a failure. 3: the time was up before there was a result. */
export type ExitStatus = 0 | 1 | 3;

/** The answer of a command: data for `-json`, and the same as text for people. */
export interface CommandResult {
  /** 0 when absent; 1 for a command that did its work and found a failure. */
  readonly status?: ExitStatus;
  readonly value: unknown;
  /** Ends with a newline, or is empty. */
  readonly text: string;
  /** A sentence for standard error about something that the command did in spite of a doubt; may be empty. */
  readonly warning?: string;
}

/** The values of a command's flags, of which those in `Needed` are given. */
type Args<S extends CommandSpec, Needed extends string> = FlagValues<S['flags'] & readonly FlagSpec[]> &
  Readonly<Record<Needed, string>>;
type AnyArgs = Readonly<Record<string, FlagValue>>;

/** A row of the command table with its implementation: one answer, or lines until its feed ends. */
export type Command =
  | { readonly spec: CommandSpec; readonly run: Run<AnyArgs> }
  | { readonly spec: CommandSpec; readonly stream: Stream<AnyArgs> };

type Run<A> = (context: CommandContext, args: A) => Promise<CommandResult>;
/** Sends lines that are safe for a terminal. @returns the exit status. */
type Stream<A> = (context: CommandContext, args: A, feed: Feed) => Promise<ExitStatus>;

/** Ties a `run` to its row of the table. @param needed the flags that must be given. */
export function command<const S extends CommandSpec, const Needed extends string = never>(
  spec: S,
  needed: readonly Needed[],
  run: Run<Args<S, Needed>>,
): Command {
  return { spec, run: async (context, args) => run(context, withNeeded<Args<S, Needed>>(args, needed)) };
}

/** Ties a `stream` to its row of the table, like {@link command}. */
export function streamingCommand<const S extends CommandSpec, const Needed extends string = never>(
  spec: S,
  needed: readonly Needed[],
  stream: Stream<Args<S, Needed>>,
): Command {
  return {
    spec,
    stream: async (context, args, feed) => stream(context, withNeeded<Args<S, Needed>>(args, needed), feed),
  };
}

/** @throws DeployError usage when a flag is missing. */
function withNeeded<A>(args: AnyArgs, needed: readonly string[]): A {
  required(Object.fromEntries(needed.map((name) => [name, args[name] as string | undefined])));
  return args as A;
}
