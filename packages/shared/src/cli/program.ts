import { DeployError, describeError, exitCodeOf } from '../errors.js';
import { printable } from '../printable.js';
import { programVersion } from '../version.js';
import { type FlagSpec, type FlagValues, type PositionalSpec, parseFlags } from './flags.js';
import { endOnLostOutput, goOnWithoutOutput } from './output-errors.js';
import { flagUsage } from './usage.js';

export interface Program<Fs extends readonly FlagSpec[]> {
  readonly name: string;
  /** One line under the usage. */
  readonly summary: string;
  readonly flags: Fs;
  /** Words without a flag; their values are those of flags. */
  readonly positionals?: readonly PositionalSpec[];
  /** Whether the program finishes its work even when nobody reads its output. */
  readonly goesOnWithoutOutput?: boolean;
  /** @param given names of the flags that were given. @returns the exit status. */
  readonly run: (values: FlagValues<Fs>, given: ReadonlySet<string>) => Promise<number>;
}

const VERSION = { name: 'version', type: 'bool', help: 'print the version and exit' } as const;

/**
 * Runs a program without subcommands: parses its flags, and answers -h and -version. Prints an error as one line on standard error,
 * and sets process.exitCode to the documented status, so that output is flushed.
 */
export async function runProgram<const Fs extends readonly FlagSpec[]>(
  program: Program<Fs>,
  argv: readonly string[],
): Promise<void> {
  if (program.goesOnWithoutOutput === true) goOnWithoutOutput();
  else endOnLostOutput(program.name);
  try {
    const flags: readonly FlagSpec[] = [...program.flags, VERSION];
    const parsed = parseFlags({ flags, positionals: program.positionals ?? [] }, argv);
    if (parsed.help) {
      process.stdout.write(programUsage(program));
      return;
    }
    if (parsed.values.version === true) {
      process.stdout.write(`${program.name} ${programVersion()}\n`);
      return;
    }
    process.exitCode = await program.run(parsed.values as FlagValues<Fs>, parsed.given);
  } catch (error) {
    process.stderr.write(`${program.name}: ${printable(describeError(error))}\n`);
    if (error instanceof DeployError && error.kind === 'usage')
      process.stderr.write(`see ${program.name} -h\n`);
    process.exitCode = exitCodeOf(error);
  }
}

function programUsage(program: Pick<Program<readonly FlagSpec[]>, 'name' | 'summary' | 'flags'>): string {
  return `Usage of ${program.name}:\n${flagUsage([...program.flags, VERSION])}\n${program.summary}\n`;
}
