import { DeployError, isMissing, toDeployError } from '../errors.js';
import { readRegularFile } from '../host/regular-file.js';
import { type Address, formatAddress } from './address.js';
import { fingerprintOf, keyTypeOf, parseFingerprint } from './fingerprint.js';
import { checkHostKey, type KnownHosts, knownKeyTypes, parseKnownHosts } from './known-hosts.js';

const MAX_KNOWN_HOSTS_BYTES = 16 * 1024 * 1024;

/** How a client recognises the right host: by the fingerprint of its key, or by a known_hosts file. */
export type HostKeyTrust = { readonly fingerprint: string } | { readonly knownHosts: string };

export interface HostKeyPolicy {
  /** Host key types to ask for first. */
  readonly preferredKeyTypes: readonly string[];
  /** @returns an error with the reason when the key is not accepted. */
  verify(key: Uint8Array): DeployError | undefined;
}

/**
 * Reads the known_hosts file or the fingerprint, before anything is sent. A missing known_hosts file knows no host.
 * @throws DeployError usage for a malformed fingerprint; the error of the system when the file cannot be read.
 */
export function hostKeyPolicy(trust: HostKeyTrust, address: Address): HostKeyPolicy {
  if ('fingerprint' in trust) {
    const expected = parseFingerprint(trust.fingerprint);
    return { preferredKeyTypes: [], verify: (key) => verifyFingerprint(expected, address, key) };
  }
  const known = parseKnownHosts(readKnownHosts(trust.knownHosts));
  return {
    preferredKeyTypes: knownKeyTypes(known, address),
    verify: (key) => verifyKnownHost({ path: trust.knownHosts, known }, address, key),
  };
}

function readKnownHosts(path: string): string {
  try {
    return readRegularFile(path, MAX_KNOWN_HOSTS_BYTES).toString('utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw toDeployError(error);
  }
}

function verifyFingerprint(expected: string, address: Address, key: Uint8Array): DeployError | undefined {
  const seen = fingerprintOf(key);
  if (seen === expected) return undefined;
  return new DeployError(
    'auth',
    `${formatAddress(address)} has the host key ${seen}, but ${expected} is expected`,
    {
      hint: 'the connection may be intercepted; if its key was changed on purpose, give the new fingerprint',
    },
  );
}

/** A known_hosts file and its content. */
interface KnownHostsFile {
  readonly path: string;
  readonly known: KnownHosts;
}

function verifyKnownHost(
  { path: file, known }: KnownHostsFile,
  address: Address,
  key: Uint8Array,
): DeployError | undefined {
  const at = formatAddress(address);
  const seen = fingerprintOf(key);
  switch (checkHostKey(known, address, key)) {
    case 'match':
      return undefined;
    case 'revoked':
      return new DeployError('auth', `the host key of ${at} (${seen}) is revoked in ${file}`, {
        hint: 'do not use this host before its key is replaced',
      });
    case 'mismatch':
      return new DeployError('auth', `the host key of ${at} is not the one in ${file}: it is ${seen} now`, {
        hint: `the connection may be intercepted; if its key was changed on purpose: ssh-keygen -R "${recordedName(address)}"`,
      });
    case 'unknown':
      return new DeployError('auth', `the host key of ${at} is not known: ${keyTypeOf(key)} ${seen}`, {
        hint: `compare it with what the registry logs at start, then give it with -fp ${seen} or add the host to ${file}`,
      });
  }
}

/** The name under which known_hosts records the address. */
function recordedName({ host, port }: Address): string {
  return port === 22 ? host : `[${host}]:${port}`;
}
