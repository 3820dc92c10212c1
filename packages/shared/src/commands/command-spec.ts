import type { FlagSpec, PositionalSpec } from '../cli/flags.js';

/** Who may run a command; checked once, where commands are dispatched. */
export type Role = 'operator' | 'agent';

/**
 * A command as data. The console, exec, deployctl, `-h`, completion, the docs page and the audit log all come from
 * this table; the registry adds a `run` to each.
 */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly role: Role;
  readonly flags: readonly FlagSpec[];
  readonly positionals: readonly PositionalSpec[];
  /** Flags that must have a value that is not empty. */
  readonly required: readonly string[];
  /** Command lines that work as written. */
  readonly examples: readonly string[];
  /** Whether the command changes anything: shown in the audit log. */
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

/** Adds what most commands have alike. */
function completed<Spec extends Given>(spec: Spec, changes: boolean): Completed<Spec> {
  return { role: 'operator', changes, positionals: [], required: [], ...spec } as Completed<Spec>;
}
