import { join } from 'node:path';
import { parseAddress } from '@deploy-tools/shared/client/address.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { parseFingerprint } from '@deploy-tools/shared/client/fingerprint.js';
import type { HostKeyTrust } from '@deploy-tools/shared/client/host-key-policy.js';
import type { AskPassphrase } from '@deploy-tools/shared/client/key-file.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { AGENT_USER } from '@deploy-tools/shared/names.js';
import type { ProgramIo } from '../program-io.js';
import type { ConnectionValues } from './connection-flags.js';

const DEFAULT_ADDR = 'localhost:2022';

/**
 * Connects to the registry of the flags and the environment.
 * @param ask asks for a passphrase; absent where nobody may be asked.
 * @throws DeployError usage, auth, connect.
 */
export async function openConnection(
  values: ConnectionValues,
  io: ProgramIo,
  ask?: AskPassphrase,
): Promise<Connection> {
  const user = userName(values, io);
  const addr = values.addr ?? io.env.DEPLOYCTL_ADDR ?? DEFAULT_ADDR;
  parseAddress(addr);
  const hostKey = hostKeyTrust(values, io);
  // Loaded only here: the SSH client takes a third of the start-up time.
  const [{ connect }, { chooseIdentity }] = await Promise.all([
    import('@deploy-tools/shared/client/connect.js'),
    import('./choose-identity.js'),
  ]);
  return connect({
    addr,
    user,
    identity: await chooseIdentity(values.key, io, ask),
    hostKey,
    timeoutMs: values.timeout,
    signal: io.signal,
  });
}

/** Connects, and asks for a passphrase on the terminal when a key needs one. */
export async function connectAsOperator(values: ConnectionValues, io: ProgramIo): Promise<Connection> {
  return openConnection(values, io, async (path, attempt) => {
    const { askPassphrase } = await import('./ask-passphrase.js');
    return askPassphrase(path, attempt);
  });
}

function hostKeyTrust(values: ConnectionValues, io: ProgramIo): HostKeyTrust {
  const fingerprint = values.fp ?? io.env.DEPLOYCTL_FINGERPRINT ?? '';
  if (fingerprint === '') return { knownHosts: join(io.home, '.ssh', 'known_hosts') };
  return { fingerprint: parseFingerprint(fingerprint) };
}

function userName(values: ConnectionValues, io: ProgramIo): string {
  const user = [values.user, io.env.USER, io.loginName].find((name) => name !== undefined && name !== '');
  if (user === undefined) throw new DeployError('usage', 'no user name', { hint: 'give one with -user' });
  if (user === AGENT_USER) {
    throw new DeployError('usage', `the user name ${AGENT_USER} is for agents`, {
      hint: 'give your own name with -user',
    });
  }
  return user;
}
