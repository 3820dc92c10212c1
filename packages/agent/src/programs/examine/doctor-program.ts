import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { AGENT_FLAGS } from '../flags/agent-flags.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { configPath, splitCommand } from '../flags/split-command.js';
import { type Check, directoryCheck, hostChecks, keyCheck } from './host-checks.js';
import { clockCheck, configurationCheck, registryCheck } from './registry-checks.js';

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

/** The checks for an agent with these flags, in their order. @throws DeployError usage: the flags; invalid: the file of -config. */
async function agentChecks(flags: AgentFlags, command: Launch['command'] | undefined): Promise<Check[]> {
  if (flags.source !== undefined) {
    const { sourceChecks } = await import('./source-checks.js');
    return sourceChecks(flags, command);
  }
  const path = configPath(flags, command);
  if (path !== undefined) return await configuredChecks(path);
  const settings = agentSettings(flags, command);
  const { name } = settings;
  const host = [keyCheck(flags), ...hostChecks(flags, settings)];
  return [...host, registryCheck(flags), configurationCheck(flags, name), clockCheck(flags, name)];
}

/** The shared checks once, and the checks of each configuration under its name. */
async function configuredChecks(path: string): Promise<Check[]> {
  const { readConfigFile } = await import('../configured/read-config-file.js');
  const { shared, configurations } = readConfigFile(path);
  const own = [...configurations].flatMap(([name, { flags, command }]) => {
    const checks = [...hostChecks(flags, agentSettings(flags, command)), configurationCheck(flags, name)];
    return checks.map(({ what, look }) => ({ what: `${name} ${what}`, look }));
  });
  const [first = ''] = configurations.keys();
  const host = [keyCheck(shared), directoryCheck(shared.dir)];
  return [...host, registryCheck(shared), ...own, clockCheck(shared, first)];
}
