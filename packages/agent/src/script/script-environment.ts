import type { AgentConfig } from '@deploy-tools/shared/config-json.js';

/** What a script inherits of the agent's own environment; nothing else gets through. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'SHELL'] as const;

/** A configuration and the directory that holds it, as a script is told of them. */
export interface Root {
  readonly id: string;
  readonly root: string;
}

/**
 * The environment of a deploy script: the original's variables, with absolute paths, and OLDROOT empty on the first
 * run. See docs/agent.md.
 */
export function scriptEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  old: Root | undefined,
  next: Root,
  config: AgentConfig,
  stateFile: string,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  environment.OLDID = old?.id ?? '';
  environment.OLDROOT = old?.root ?? '';
  environment.NEWID = next.id;
  environment.NEWROOT = next.root;
  environment.STATEFILE = stateFile;
  for (const [index, layer] of config.layers.entries()) {
    environment[`LAYER_${index}_NAME`] = layer.name;
    environment[`LAYER_${index}_VERSION`] = layer.version;
  }
  return environment;
}
