import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentFlags } from './agent-settings.js';

/**
 * The file of several configurations, where there is one.
 * @param command of a supervised program, which only an agent of one configuration has here.
 * @throws DeployError usage.
 */
export function configPath(
  { config, name }: Pick<AgentFlags, 'config' | 'name'>,
  command: readonly string[] | undefined,
): string | undefined {
  if (config === undefined || (name ?? command) === undefined) return config;
  throw new DeployError('usage', 'with -config, everything is said in the file', {
    hint: 'leave out -name, and the program after --',
  });
}
