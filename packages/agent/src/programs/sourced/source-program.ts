import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { AGENT_FLAGS } from '../flags/agent-flags.js';
import { splitCommand } from '../flags/split-command.js';
import { followSource } from './follow-source.js';

/** What only means something with a registry. */
const OF_REGISTRIES = [
  'addr',
  'fp',
  'key',
  'known-hosts',
  'config',
  'watch',
  'silence',
  'label',
  'reuse',
  'max-bandwidth',
] as const;

/** `deploy-agent -source URL`. Sets process.exitCode. @returns the exit status. */
export async function runSourced(argv: readonly string[], signals: AgentSignals): Promise<number> {
  const { own, command } = splitCommand(argv);
  await runProgram(
    {
      name: 'deploy-agent',
      summary: '',
      flags: AGENT_FLAGS,
      run: async (flags) => {
        const { given } = parseFlags({ flags: AGENT_FLAGS }, own);
        const other = OF_REGISTRIES.find((name) => given.has(name));
        if (other !== undefined)
          throw new DeployError(
            'usage',
            `-${other} is for an agent that follows a registry, and -source for one without`,
            {
              hint: `leave out -${other}, or -source`,
            },
          );
        const log = await createLogger('deploy-agent', flags.v ? 'debug' : flags['log-level'], {
          format: flags['log-format'],
        });
        signals.logTo(log);
        const status = await followSource({ flags, command, log, signals });
        log.info('stopped');
        return status;
      },
    },
    own,
  );
  return Number(process.exitCode ?? 0);
}
