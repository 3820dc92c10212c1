import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { AGENT_FLAGS } from '../flags/agent-flags.js';
import { splitCommand } from '../flags/split-command.js';
import { agentChecks } from './agent-checks.js';
import type { Check } from './host-checks.js';

/** `deploy-agent doctor`: takes the agent's flags. Sets process.exitCode: 1 when something is wrong. */
export async function runDoctor(argv: readonly string[]): Promise<void> {
  const { own, command } = splitCommand(argv);
  await runProgram(
    {
      name: 'deploy-agent doctor',
      summary:
        'Checks whether an agent with these flags could work here: a line for each check, ok, or FAIL and what to do.\n' +
        'Exit status 1 when something fails. Nothing is changed.',
      flags: AGENT_FLAGS,
      run: async (flags) => await examine(await agentChecks(flags, command)),
    },
    own,
  );
}

async function examine(checks: readonly Check[]): Promise<number> {
  let status = 0;
  const width = Math.max(...checks.map(({ what }) => what.length));
  const tell = (verdict: 'ok' | 'FAIL', what: string, words: string): void => {
    process.stdout.write(`${verdict.padEnd(4)}  ${what.padEnd(width)}  ${words}\n`);
  };
  for (const { what, look } of checks) {
    try {
      tell('ok', what, await look());
    } catch (error) {
      status = 1;
      tell('FAIL', what, describeError(error));
    }
  }
  return status;
}
