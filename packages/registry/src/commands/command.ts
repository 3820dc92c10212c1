import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import type { CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import type { Change } from '../core/configurations.js';
import type { Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';

export interface CommandContext {
  readonly registry: Registry;
  readonly principal: Principal;
  /** Who and by which command line, for the revision that a change makes. */
  readonly change: Change;
}

/** What a command answers: data for `-json`, and the same as text for people. */
export interface CommandResult {
  readonly value: unknown;
  /** Ends with a newline, or is empty. */
  readonly text: string;
  /** The command did its work and found something wrong: the exit status is 1. */
  readonly failed?: boolean;
}

/** A command of the table with what it does. */
export interface Command {
  readonly spec: CommandSpec;
  readonly run: (context: CommandContext, args: Readonly<Record<string, unknown>>) => Promise<CommandResult>;
}

/** Ties a `run` to its row of the table; the row's flags give the type of its arguments. */
export function command<const S extends CommandSpec>(
  spec: S,
  run: (
    context: CommandContext,
    args: FlagValues<S['flags'] & readonly FlagSpec[]>,
  ) => Promise<CommandResult>,
): Command {
  return { spec, run: run as Command['run'] };
}
