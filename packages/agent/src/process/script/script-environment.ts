import type { AgentConfig } from '@deploy-tools/shared/config-json.js';

/** The only variables that a script inherits from the agent's environment. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'SHELL'] as const;

/** A configuration's id and its directory, for a script. */
export interface Root {
  readonly id: string;
  readonly root: string;
}

interface ScriptFacts {
  /** Undefined on the first run. */
  readonly old: Root | undefined;
  readonly next: Root;
  readonly config: AgentConfig;
  /** Absolute path of the file in which the script may keep a state. */
  readonly stateFile: string;
}

/** The part of the agent's environment that scripts, hooks, checks and programs inherit. */
function inheritedEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** The environment of a supervised program, besides the variables for its sockets. */
export function programEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  next: Root,
  config: AgentConfig,
): Record<string, string> {
  return { ...inheritedEnvironment(inherited), ...releaseVariables(next, config) };
}

/**
 * The environment of a deploy script: the Go agent's variables, with absolute paths, and OLDROOT empty on the first
 * run. See docs/agent.md.
 */
export function scriptEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  { old, next, config, stateFile }: ScriptFacts,
): Record<string, string> {
  return {
    ...inheritedEnvironment(inherited),
    OLDID: old?.id ?? '',
    OLDROOT: old?.root ?? '',
    ...releaseVariables(next, config),
    STATEFILE: stateFile,
  };
}

function releaseVariables(next: Root, config: AgentConfig): Record<string, string> {
  const variables: Record<string, string> = { NEWID: next.id, NEWROOT: next.root };
  for (const [index, layer] of config.layers.entries()) {
    variables[`LAYER_${index}_NAME`] = layer.name;
    variables[`LAYER_${index}_VERSION`] = layer.version;
  }
  return variables;
}
