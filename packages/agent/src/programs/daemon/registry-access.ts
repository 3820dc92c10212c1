import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseAddress } from '@deploy-tools/shared/client/address.js';
import type { ConnectOptions } from '@deploy-tools/shared/client/connect.js';
import { parseFingerprint } from '@deploy-tools/shared/client/fingerprint.js';
import type { HostKeyTrust } from '@deploy-tools/shared/client/host-key-policy.js';
import type { Credential } from '@deploy-tools/shared/client/identity.js';
import { isKeyFileEncrypted, loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { AGENT_USER } from '@deploy-tools/shared/names.js';
import type { AgentFlags } from '../flags/agent-settings.js';

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

/** Default keys in the working directory; the first is the Go agent's. */
const NAMES_HERE = ['id_ecdsa', 'id_ed25519', 'id_rsa'] as const;
/** Default keys in ~/.ssh, in the order of ssh(1). */
const NAMES_AT_HOME = ['id_ed25519', 'id_ecdsa', 'id_rsa'] as const;

/**
 * The path of the agent's private key: `-key`, or the first default key that exists.
 * @param where.home the user's home directory. @param where.dir the working directory.
 */
export function agentKeyPath(
  named: string | undefined,
  { home, dir }: { readonly home: string; readonly dir: string } = { home: homedir(), dir: process.cwd() },
): string {
  if (named !== undefined) return resolve(dir, named);
  const known = [
    ...NAMES_HERE.map((name) => join(dir, name)),
    ...NAMES_AT_HOME.map((name) => join(home, '.ssh', name)),
  ];
  return known.find((path) => existsSync(path)) ?? join(dir, NAMES_HERE[0]);
}

/** Loads a private key without a passphrase, which nobody could be asked for. @throws DeployError auth. */
export async function loadAgentKey(path: string): Promise<Credential> {
  if (await isKeyFileEncrypted(path))
    throw new DeployError('auth', `key ${path} needs a passphrase, for which nobody can be asked here`, {
      hint: `give the agent a key of its own without one; ssh-keygen -p -N '' -f ${path} takes it away`,
    });
  return await loadKeyFile(path);
}
