import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseAddress } from '@deploy-tools/shared/client/address.js';
import type { ConnectOptions } from '@deploy-tools/shared/client/connect.js';
import { parseFingerprint } from '@deploy-tools/shared/client/fingerprint.js';
import type { HostKeyTrust } from '@deploy-tools/shared/client/host-key-policy.js';
import { AGENT_USER } from '@deploy-tools/shared/names.js';
import type { AgentFlags } from '../flags/agent-settings.js';
import { agentKeyPath, loadAgentKey } from './agent-key.js';

export type AccessFlags = Pick<AgentFlags, 'addr' | 'fp' | 'known-hosts' | 'key'>;

/** Reads how to connect to the registry. @throws DeployError usage; auth when the key cannot be used. */
export async function registryAccess(flags: AccessFlags, signal: AbortSignal): Promise<ConnectOptions> {
  parseAddress(flags.addr);
  const hostKey = trustOf(flags);
  const identity = { credentials: [await loadAgentKey(agentKeyPath(flags.key))] };
  return { addr: flags.addr, user: AGENT_USER, identity, hostKey, signal };
}

function trustOf(flags: AccessFlags): HostKeyTrust {
  if (flags.fp !== undefined && flags.fp !== '') return { fingerprint: parseFingerprint(flags.fp) };
  return { knownHosts: resolve(flags['known-hosts'] ?? join(homedir(), '.ssh', 'known_hosts')) };
}
