import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Launch } from '../../process/supervise/start-child.js';
import type { AgentFlags } from './agent-settings.js';

/** Splits the command line at the first `--`, after which the program's begins. */
export function splitCommand(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly command: Launch['command'] | undefined;
} {
  const at = argv.indexOf('--');
  if (at < 0) return { own: argv, command: undefined };
  const [program, ...args] = argv.slice(at + 1);
  return { own: argv.slice(0, at), command: program === undefined ? undefined : [program, ...args] };
}

/**
 * The file of -config, if any.
 * @param command of a supervised program, which only an agent of one configuration has on its command line.
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
