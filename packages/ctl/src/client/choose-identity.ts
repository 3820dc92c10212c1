import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connectAgent } from '@deploy-tools/shared/client/agent-socket.js';
import type { Credential, Identity } from '@deploy-tools/shared/client/identity.js';
import { type AskPassphrase, isKeyFileEncrypted, loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import type { ProgramIo } from '../program-io.js';

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * Chooses the keys to authenticate with: the named key file, else the keys of ssh-agent, else the default key files.
 * @throws DeployError auth when there is no key.
 */
export async function chooseIdentity(
  keyFile: string | undefined,
  io: Pick<ProgramIo, 'env' | 'home'>,
  ask?: AskPassphrase,
): Promise<Identity> {
  if (keyFile !== undefined) return { credentials: [await loadKeyFile(keyFile, ask)] };
  try {
    return { credentials: [await connectAgent(io.env.SSH_AUTH_SOCK)] };
  } catch (agentError) {
    const credentials = await defaultKeys(io.home, ask);
    // Without any key file, the ssh-agent is what the user can correct.
    if (credentials.length === 0) throw agentError;
    return { credentials };
  }
}

/** Loads the default keys that need no passphrase; when all need one, asks for that of the first. */
async function defaultKeys(home: string, ask?: AskPassphrase): Promise<Credential[]> {
  const open: string[] = [];
  const locked: string[] = [];
  for (const name of DEFAULT_KEYS) {
    const path = join(home, '.ssh', name);
    if (existsSync(path)) ((await isKeyFileEncrypted(path)) ? locked : open).push(path);
  }
  const chosen = open.length > 0 ? open : locked.slice(0, 1);
  return Promise.all(chosen.map((path) => loadKeyFile(path, ask)));
}
