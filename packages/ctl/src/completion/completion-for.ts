import { type Completion, completeArguments, oneOf } from '@deploy-tools/shared/cli/complete-arguments.js';
import { type FlagSpec, splitSubcommand } from '@deploy-tools/shared/cli/flags.js';
import type { CommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import { SHELLS } from '../completion-script.js';

/**
 * Finds out what is being typed after `deployctl`.
 * @param words everything after the program's name; the last one is to be completed.
 * @returns undefined when nothing can be offered.
 */
export function completionFor(
  own: readonly FlagSpec[],
  commands: readonly CommandSpec[],
  words: readonly string[],
): Completion | undefined {
  const word = words.at(-1) ?? '';
  const [ownWords, [name, ...rest]] = splitSubcommand(own, words.slice(0, -1));
  const names = commands.map((command) => command.name);
  if (name === 'completion') return oneOf(word, SHELLS);
  if (name === 'help') return oneOf(word, names);
  if (name === undefined) {
    const grammar = { flags: own, positionals: [], words: [...names, 'completion'] };
    return completeArguments(grammar, ownWords, word);
  }
  const command = commands.find((candidate) => candidate.name === name);
  return command && completeArguments(command, rest, word);
}
