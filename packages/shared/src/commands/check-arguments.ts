import type { FlagValue } from '../cli/flags.js';
import { DeployError, isDeployError } from '../errors.js';
import { checkConfigurationName, parseLayerRef } from '../names.js';
import type { CommandSpec } from './command-spec.js';
import { required } from './required.js';

type Values = Readonly<Record<string, FlagValue>>;

const CHECKS: Readonly<Record<string, (values: Values) => void>> = {
  addconf: ({ name, layer }) => {
    checkConfigurationName(String(name));
    checkLayers(layer);
  },
  replaceconf: ({ layer }) => checkLayers(layer),
};

/**
 * Checks a command's arguments as far as that needs no registry: none is missing, and the names of a new configuration are valid.
 * The registry checks everything again.
 * @throws DeployError usage.
 */
export function checkArguments(spec: CommandSpec, values: Values): void {
  required(Object.fromEntries(spec.required.map((name) => [name, textOf(values[name])])));
  asUsage(() => CHECKS[spec.name]?.(values));
}

/** Turns every DeployError of a check into a usage error. @param prefix of the message. @throws DeployError usage. */
export function asUsage<T>(check: () => T, prefix = ''): T {
  try {
    return check();
  } catch (error) {
    if (!isDeployError(error) || error.kind === 'usage') throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new DeployError('usage', `${prefix}${error.message}`, { ...hint, cause: error });
  }
}

function textOf(value: FlagValue): string | undefined {
  return value === undefined ? undefined : String(value);
}

function checkLayers(layers: FlagValue): void {
  const components = (Array.isArray(layers) ? layers : []).map(
    (layer) => parseLayerRef(String(layer)).component,
  );
  if (components.length === 0) throw new DeployError('usage', 'configuration should have at least one layer');
  const twice = components.find((component, index) => components.indexOf(component) !== index);
  if (twice !== undefined) throw new DeployError('usage', `duplicate component "${twice}"`);
}
