import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import type { CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
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

/** 0: done, and as asked. 1: it failed, or what was asked about did. 3: time was up before it was known. */
export type ExitStatus = 0 | 1 | 3;

/** What a command answers: data for `-json`, and the same as text for people. */
export interface CommandResult {
  /** 0 when absent; 1 also for a command that did its work and found something wrong. */
  readonly status?: ExitStatus;
  readonly value: unknown;
  /** Ends with a newline, or is empty. */
  readonly text: string;
  /** One sentence for standard error about what was done all the same; empty or absent for none. */
  readonly warning?: string;
}

type Args<S extends CommandSpec> = FlagValues<S['flags'] & readonly FlagSpec[]>;

/** A command of the table with what it does: one answer, or lines until its feed ends. */
export type Command =
  | { readonly spec: CommandSpec; readonly run: Run<Readonly<Record<string, unknown>>> }
  | { readonly spec: CommandSpec; readonly stream: Stream<Readonly<Record<string, unknown>>> };

type Run<A> = (context: CommandContext, args: A) => Promise<CommandResult>;
/** What it sends has to be safe for a terminal. @returns the exit status. */
type Stream<A> = (context: CommandContext, args: A, feed: Feed) => Promise<ExitStatus>;

/** Ties a `run` to its row of the table; the row's flags give the type of its arguments. */
export function command<const S extends CommandSpec>(spec: S, run: Run<Args<S>>): Command {
  return { spec, run: run as Run<Readonly<Record<string, unknown>>> };
}

/** Ties a `stream` to its row of the table, as {@link command} does with a `run`. */
export function streamingCommand<const S extends CommandSpec>(spec: S, stream: Stream<Args<S>>): Command {
  return { spec, stream: stream as Stream<Readonly<Record<string, unknown>>> };
}
