import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { areApart } from '../../place/sync/destination-paths.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { SHARED_KEYS } from './config-keys.js';
import type { ConfiguredApplication } from './read-config-file.js';

/** Of what all configurations share: what an agent that runs can take over. */
const LIVE_KEYS: readonly string[] = ['poll'];

/** What a configuration's directory, ports and program were opened with. */
const OPENED_WITH = ['dir', 'state', 'user', 'port', 'handoff', 'stop-timeout'] as const;

/** Keys of what all configurations share that are others, and that need a restart of the agent. */
export function keysForRestart(before: AgentFlags, after: AgentFlags): string[] {
  const flagOf = (flags: AgentFlags, name: string): unknown => flags[name as keyof AgentFlags];
  return SHARED_KEYS.map(({ name }) => name).filter(
    (name) => !LIVE_KEYS.includes(name) && !isDeepStrictEqual(flagOf(before, name), flagOf(after, name)),
  );
}

/** What has to be done for a configuration that is another in the file: nothing, follow by other settings, or begin anew. */
export type Change = 'nothing' | 'settings' | 'everything';

export function changeOf(before: ConfiguredApplication, after: ConfiguredApplication): Change {
  const opened = ({ flags, command }: ConfiguredApplication) => [
    command,
    ...OPENED_WITH.map((name) => flags[name]),
  ];
  if (!isDeepStrictEqual(opened(before), opened(after))) return 'everything';
  const followed = ({ flags, command }: ConfiguredApplication) => [flags.poll, agentSettings(flags, command)];
  return isDeepStrictEqual(followed(before), followed(after)) ? 'nothing' : 'settings';
}

/** Whether one needs what the other has: a directory, a destination or a port. */
export function clash(one: ConfiguredApplication, other: ConfiguredApplication): boolean {
  const ports = new Set(one.flags.port);
  if (other.flags.port.some((port) => ports.has(port))) return true;
  return pathsOf(one).some((path) => pathsOf(other).some((there) => !areApart(path, there)));
}

function pathsOf({ flags: { dir, state, dest } }: ConfiguredApplication): string[] {
  return [dir, state, ...(dest === undefined ? [] : [dest])].map((path) => resolve(path));
}
