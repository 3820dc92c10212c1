import type { Completion } from '@deploy-tools/shared/cli/complete-arguments.js';
import { parseFlags, splitSubcommand } from '@deploy-tools/shared/cli/flags.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { openConnection } from '../client/open-connection.js';
import { DEPLOYCTL_COMMANDS, DEPLOYCTL_FLAGS } from '../deployctl-grammar.js';
import type { ProgramIo } from '../program-io.js';
import { completionFor } from './completion-for.js';
import { type NameSource, registryNames } from './registry-names.js';

/** A shell that waits for completion is a shell that hangs: this is all it may take. */
const LIMIT_MS = 2000;

/**
 * `deployctl __complete -- WORD…`: completes the last word. Whatever goes wrong, nothing is offered and nothing is
 * said: an error message in the middle of somebody's command line helps nobody.
 */
export async function complete(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const words = argv[0] === '--' ? argv.slice(1) : argv;
  const wanted = completionFor(DEPLOYCTL_FLAGS, DEPLOYCTL_COMMANDS, words);
  if (wanted === undefined) return 0;
  const candidates = await candidatesOf(wanted, io, words);
  io.stdout.write(
    [`:${wanted.kind === 'file' || wanted.kind === 'directory' ? wanted.kind : 'words'}`, ...candidates]
      .map((line) => `${line}\n`)
      .join(''),
  );
  return 0;
}

async function candidatesOf(
  wanted: Completion,
  io: ProgramIo,
  words: readonly string[],
): Promise<readonly string[]> {
  const offered = await offers(wanted, io, words);
  return offered.map((text) => wanted.prefix + text).filter((text) => text.startsWith(wanted.word));
}

async function offers(
  wanted: Completion,
  io: ProgramIo,
  words: readonly string[],
): Promise<readonly string[]> {
  switch (wanted.kind) {
    case 'words':
      return wanted.words;
    case 'file':
    case 'directory':
      return [];
    default: {
      const ask = (names: NameSource) => registryNames(wanted, names);
      return askRegistry(io, words, ask);
    }
  }
}

async function askRegistry(
  io: ProgramIo,
  words: readonly string[],
  ask: (names: NameSource) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(LIMIT_MS)]);
  const [own] = splitSubcommand(DEPLOYCTL_FLAGS, words.slice(0, -1));
  try {
    const { values } = parseFlags({ flags: DEPLOYCTL_FLAGS }, own);
    const connection = await openConnection({ ...values, timeout: LIMIT_MS }, { ...io, signal });
    signal.addEventListener('abort', () => connection.close());
    try {
      return await ask(async (command) => {
        const { status, stdout } = await connection.capture(command, 4 * 1024 * 1024);
        return status === 0 ? stdout.split('\n').filter((line) => line !== '') : [];
      });
    } finally {
      connection.close();
    }
  } catch (error) {
    if (isDeployError(error)) return [];
    throw error;
  }
}
