import {
  type Completion,
  completeArguments,
  offeredWords,
  oneOf,
} from '@deploy-tools/shared/cli/complete-arguments.js';
import { parseFlags, splitSubcommand } from '@deploy-tools/shared/cli/flags.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { openConnection } from '../client/open-connection.js';
import { SHELLS } from '../completion-script.js';
import { versionOfRow, versionsCommand } from '../component-versions.js';
import { DEPLOYCTL_COMMANDS, DEPLOYCTL_FLAGS } from '../deployctl-grammar.js';
import type { ProgramIo } from '../program-io.js';

/** The longest time that a completion takes: the shell hangs meanwhile. */
const LIMIT_MS = 2000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/**
 * `deployctl __complete -- WORD…`: completes the last word. After any failure it offers nothing and prints no error, which would
 * stand in the middle of the command line.
 */
export async function complete(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const words = argv[0] === '--' ? argv.slice(1) : argv;
  const wanted = completionFor(words);
  if (wanted === undefined) return 0;
  const ask = (command: string) => askRegistry(io, words, command);
  // Except for hosts, a Go registry has the same commands and columns.
  const candidates = await offeredWords(wanted, {
    components: () => ask('components'),
    configurations: () => ask('configurations'),
    hosts: () => ask('agents -names'),
    uploads: async () => [],
    versions: async (component) => (await ask(versionsCommand(component))).map(versionOfRow),
  });
  const kind = wanted.kind === 'file' || wanted.kind === 'directory' ? wanted.kind : 'words';
  io.stdout.write([`:${kind}`, ...candidates].map((line) => `${line}\n`).join(''));
  return 0;
}

/** @param words everything after `deployctl`. @returns undefined when nothing can be offered for the last one. */
function completionFor(words: readonly string[]): Completion | undefined {
  const word = words.at(-1) ?? '';
  const [own, [name, ...rest]] = splitSubcommand(DEPLOYCTL_FLAGS, words.slice(0, -1));
  const names = DEPLOYCTL_COMMANDS.map((command) => command.name);
  if (name === 'completion') return oneOf(word, SHELLS);
  if (name === 'help') return oneOf(word, names);
  if (name === undefined) {
    const grammar = { flags: DEPLOYCTL_FLAGS, positionals: [], words: [...names, 'completion'] };
    return completeArguments(grammar, own, word);
  }
  const command = DEPLOYCTL_COMMANDS.find((candidate) => candidate.name === name);
  return command && completeArguments(command, rest, word);
}

/** Runs a command on the registry. @returns the lines of its output; none when it fails. */
async function askRegistry(
  io: ProgramIo,
  words: readonly string[],
  command: string,
): Promise<readonly string[]> {
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(LIMIT_MS)]);
  const [own] = splitSubcommand(DEPLOYCTL_FLAGS, words.slice(0, -1));
  try {
    const { values } = parseFlags({ flags: DEPLOYCTL_FLAGS }, own);
    const connection = await openConnection({ ...values, timeout: LIMIT_MS }, { ...io, signal });
    signal.addEventListener('abort', () => connection.close());
    try {
      const { status, stdout } = await connection.capture(command, MAX_OUTPUT_BYTES);
      return status === 0 ? stdout.split('\n').filter((line) => line !== '') : [];
    } finally {
      connection.close();
    }
  } catch (error) {
    if (isDeployError(error)) return [];
    throw error;
  }
}
