import type { Launch } from '../../process/supervise/start-child.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { configPath } from '../flags/config-path.js';
import { type Check, directoryCheck, hostChecks, keyCheck } from './host-checks.js';
import { clockCheck, configurationCheck, registryCheck } from './registry-checks.js';

/**
 * All that has to be right for an agent with these flags, in the order of its lines.
 * @param command of the supervised program.
 * @throws DeployError usage: the flags; invalid: the file of -config.
 */
export async function agentChecks(
  flags: AgentFlags,
  command: Launch['command'] | undefined,
): Promise<Check[]> {
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
