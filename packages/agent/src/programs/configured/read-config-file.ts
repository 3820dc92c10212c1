import { join } from 'node:path';
import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { AGENT_FLAGS } from '../flags/agent-flags.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { CONFIGURATION_KEYS, SHARED_KEYS } from './config-keys.js';
import { reasonAgainst } from './reason-against.js';
import { isSeq } from './yaml.js';
import { type Beside, flagsOf, type Mistakes, pairsOf, readYaml, textsOf } from './yaml-keys.js';

const MAX_BYTES = 1024 * 1024;
/** The limit of a registry. */
const MAX_CONFIGURATIONS = 100;

/** One of the configurations, as the flags of an agent of its own. */
export interface ConfiguredApplication {
  readonly flags: AgentFlags;
  /** Of the supervised program. */
  readonly command: Launch['command'] | undefined;
}

export interface ConfigFile {
  /** What all configurations share: registry, key, directory, host, labels, times. */
  readonly shared: AgentFlags;
  readonly configurations: ReadonlyMap<string, ConfiguredApplication>;
}

/** Reads the file of `-config`. @throws DeployError not-found, denied; usage, naming every mistake with line and column. */
export function readConfigFile(path: string): ConfigFile {
  let text: Buffer;
  try {
    text = readRegularFile(path, MAX_BYTES);
  } catch (error) {
    const { kind, message } = toDeployError(error);
    throw new DeployError(kind, `cannot read ${path}: ${message}`, { hint: 'check -config', cause: error });
  }
  return parseConfigFile(text.toString('utf8'), path);
}

/** @throws DeployError usage. */
export function parseConfigFile(text: string, path: string): ConfigFile {
  const { value, mistakes } = readYaml(text, configFileOf);
  if (value !== undefined) return value;
  throw new DeployError('usage', mistakes.text(path), { hint: 'see docs/agent.md, -config' });
}

function configFileOf(root: unknown, mistakes: Mistakes): ConfigFile {
  let labels: string[] = [];
  let nodes: readonly unknown[] = [];
  const beside: Beside = {
    labels: (node) => {
      labels = pairsOf(node, 'labels', mistakes);
    },
    configurations: (node) => {
      if (isSeq(node)) nodes = node.items;
      else mistakes.at(node, 'configurations needs a list');
    },
  };
  const words = flagsOf(root, { keys: SHARED_KEYS, beside }, mistakes);
  if (nodes.length > MAX_CONFIGURATIONS)
    mistakes.at(
      nodes[MAX_CONFIGURATIONS],
      `an agent follows ${MAX_CONFIGURATIONS} configurations at most; give the others to another agent`,
    );
  if (mistakes.list.length === 0 && nodes.length === 0) mistakes.at(root, 'there are no configurations');
  const sharedWords = [...words, ...labels.map((label) => `-label=${label}`)];
  const applications = nodes.map((node) => applicationOf(node, sharedWords, mistakes));
  const shared = attempt(root, mistakes, () => {
    const flags = parseFlags({ flags: AGENT_FLAGS }, sharedWords).values;
    reportIdentity(flags.host, flags.label);
    return flags;
  });
  const configurations = new Map<string, ConfiguredApplication>();
  for (const [index, application] of applications.entries()) {
    if (application === undefined || shared === undefined) continue;
    const others = [...configurations.values()].map(({ flags }) => flags);
    const reason = reasonAgainst(application.flags, others, shared);
    if (reason !== undefined) mistakes.at(nodes[index], reason);
    configurations.set(application.flags.name ?? '', application);
  }
  return { shared: shared ?? parseFlags({ flags: AGENT_FLAGS }, []).values, configurations };
}

function applicationOf(
  node: unknown,
  shared: readonly string[],
  mistakes: Mistakes,
): ConfiguredApplication | undefined {
  let command: Launch['command'] | undefined;
  const before = mistakes.list.length;
  const takeCommand = (value: unknown) => {
    const [program, ...args] = textsOf(value, 'command', mistakes);
    if (program !== undefined) command = [program, ...args];
  };
  const words = flagsOf(node, { keys: CONFIGURATION_KEYS, beside: { command: takeCommand } }, mistakes);
  if (mistakes.list.length > before) return undefined;
  return attempt(node, mistakes, () => {
    const flags = placed(parseFlags({ flags: AGENT_FLAGS }, [...shared, ...words]), words);
    agentSettings(flags, command);
    return { flags, command };
  });
}

/** Sets the default directory of a configuration, `<dir>/<name>`, and its state file there. */
function placed({ values }: { values: AgentFlags }, words: readonly string[]): AgentFlags {
  const says = (name: string) => words.some((word) => word.startsWith(`-${name}=`));
  const dir = says('dir') ? values.dir : join(values.dir, values.name ?? '');
  return { ...values, dir, state: says('state') ? values.state : join(dir, 'state.json') };
}

function attempt<T>(node: unknown, mistakes: Mistakes, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    mistakes.at(node, describeError(error));
    return undefined;
  }
}
