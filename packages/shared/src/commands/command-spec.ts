import type { FlagSpec, PositionalSpec } from '../cli/flags.js';

/** Who may run a command. The dispatcher checks it. */
export type Role = 'operator' | 'agent';

/**
 * A command as data. The console, exec, deployctl, `-h`, completion, the docs page and the audit log use it; the registry adds a
 * `run` to each.
 */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly role: Role;
  readonly flags: readonly FlagSpec[];
  readonly positionals: readonly PositionalSpec[];
  /** Flags that need a value, which is not empty. */
  readonly required: readonly string[];
  /** Complete command lines. */
  readonly examples: readonly string[];
  /** Whether the command changes anything; for the audit log. */
  readonly changes: boolean;
}

type Given = Pick<CommandSpec, 'name' | 'summary' | 'flags' | 'examples'> & Partial<CommandSpec>;
type Completed<Spec extends Given> = Spec & Omit<CommandSpec, keyof Spec>;

/** A command of operators that changes nothing. */
export function reading<const Spec extends Given>(spec: Spec): Completed<Spec> {
  return completed(spec, false);
}

/** A command of operators that changes something. */
export function changing<const Spec extends Given>(spec: Spec): Completed<Spec> {
  return completed(spec, true);
}

/** Adds the values that most commands have in common. */
function completed<Spec extends Given>(spec: Spec, changes: boolean): Completed<Spec> {
  return { role: 'operator', changes, positionals: [], required: [], ...spec } as Completed<Spec>;
}
