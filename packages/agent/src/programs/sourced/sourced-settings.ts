import { basename } from 'node:path';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { SourcePlace } from '@deploy-tools/sources/source-place.js';
import { parseSourceUrl, type SourceUrl } from '@deploy-tools/sources/source-url.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';

/** Flags for an agent with a registry only. */
const OF_REGISTRIES = 'addr fp key known-hosts config watch silence label reuse max-bandwidth'.split(' ');

/** @param given names of flags. @throws DeployError usage. */
export function refuseRegistryFlags(given: ReadonlySet<string>): void {
  const other = OF_REGISTRIES.find((name) => given.has(name));
  if (other === undefined) return;
  throw new DeployError(
    'usage',
    `-${other} is for an agent that follows a registry, and -source for one without`,
    { hint: `leave out -${other}, or -source` },
  );
}

/**
 * Reads the settings of an agent without a registry from its flags.
 * @param command of the supervised program.
 * @throws DeployError usage.
 */
export function sourcedSettings(
  flags: AgentFlags,
  command: Launch['command'] | undefined,
): { readonly settings: AgentSettings; readonly url: SourceUrl } {
  const url = readSource(flags);
  const name = flags.name ?? nameOf(url.place);
  const without = { ...flags, name, source: undefined, slot: undefined, notify: [] };
  // The default script is for agents with a registry.
  return { settings: agentSettings({ ...without, script: flags.script ?? '' }, command), url };
}

/** @throws DeployError usage. */
function readSource({ source, slot }: AgentFlags): SourceUrl {
  const text = source ?? '';
  const withSlot =
    slot === undefined ? text : `${text}${text.includes('?') ? '&' : '?'}slot=${encodeURIComponent(slot)}`;
  try {
    return parseSourceUrl(withSlot);
  } catch (error) {
    if (!isDeployError(error)) throw error;
    throw new DeployError('usage', `-source: ${error.message}`, { hint: error.hint, cause: error });
  }
}

/** The default name of the application: the repository's name, or the last part of a path. */
function nameOf(place: SourcePlace): string {
  switch (place.scheme) {
    case 'ghr':
      return place.repository;
    case 'img':
      return basename(place.repository);
    case 's3':
    case 'gs':
      return basename(place.prefix) || place.bucket;
    case 'file':
      return basename(place.directory);
    case 'grpc':
      return place.host;
  }
}
