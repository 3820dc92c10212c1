import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { areApart } from '../../place/sync/destination-paths.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { SHARED_KEYS } from './config-keys.js';
import type { ConfiguredApplication } from './read-config-file.js';

/** Shared keys that a running agent takes over. */
const LIVE_KEYS: readonly string[] = ['poll'];

/** Flags of a configuration that take effect only when it is opened. */
const OPENED_WITH = ['dir', 'state', 'user', 'port', 'handoff', 'stop-timeout'] as const;

/** Shared keys that have changed and take effect only after a restart of the agent. */
export function keysForRestart(before: AgentFlags, after: AgentFlags): string[] {
  const flagOf = (flags: AgentFlags, name: string): unknown => flags[name as keyof AgentFlags];
  return SHARED_KEYS.map(({ name }) => name).filter(
    (name) => !LIVE_KEYS.includes(name) && !isDeepStrictEqual(flagOf(before, name), flagOf(after, name)),
  );
}

/** What a change in the file requires: nothing, taking over the settings, or opening the configuration anew. */
type Change = 'nothing' | 'settings' | 'everything';

export function changeOf(before: ConfiguredApplication, after: ConfiguredApplication): Change {
  const opened = ({ flags, command }: ConfiguredApplication) => [
    command,
    ...OPENED_WITH.map((name) => flags[name]),
  ];
  if (!isDeepStrictEqual(opened(before), opened(after))) return 'everything';
  const followed = ({ flags, command }: ConfiguredApplication) => [flags.poll, agentSettings(flags, command)];
  return isDeepStrictEqual(followed(before), followed(after)) ? 'nothing' : 'settings';
}

/** Whether two configurations use the same directory, destination or port. */
export function clash(one: ConfiguredApplication, other: ConfiguredApplication): boolean {
  const ports = new Set(one.flags.port);
  if (other.flags.port.some((port) => ports.has(port))) return true;
  return pathsOf(one).some((path) => pathsOf(other).some((there) => !areApart(path, there)));
}

function pathsOf({ flags: { dir, state, dest } }: ConfiguredApplication): string[] {
  return [dir, state, ...(dest === undefined ? [] : [dest])].map((path) => resolve(path));
}
