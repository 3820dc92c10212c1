import { createPrivateKey } from 'node:crypto';
import ssh2, { type ParsedKey } from 'ssh2';
import { DeployError, isDeployError, isMissing, toDeployError } from '../errors.js';
import { readRegularFile } from '../host/regular-file.js';
import { fingerprintOf } from './fingerprint.js';
import type { Credential } from './identity.js';

/**
 * Asks a person for the passphrase of a key; called again, with the number of the attempt from 1, after a wrong one.
 * @returns undefined when the person enters none.
 */
export type AskPassphrase = (path: string, attempt: number) => Promise<string | undefined>;

const MAX_KEY_FILE = 64 * 1024;
const PASSPHRASE_ATTEMPTS = 3;

/**
 * Loads a private key: OpenSSH's own format, or PEM (PKCS#1, SEC 1, PKCS#8 of RSA and EC), encrypted or not.
 * @param ask absent when nobody can be asked.
 * @throws DeployError auth when the file cannot be read, is not a private key, or its passphrase is not given.
 */
export async function loadKeyFile(path: string, ask?: AskPassphrase): Promise<Credential> {
  const bytes = readKeyFile(path);
  let key = parsePrivateKey(bytes);
  for (let attempt = 1; key === 'encrypted' || key === 'wrong-passphrase'; attempt += 1) {
    if (attempt > PASSPHRASE_ATTEMPTS) throw new DeployError('auth', `wrong passphrase for key ${path}`);
    const passphrase = await ask?.(path, attempt);
    if (passphrase === undefined) {
      throw new DeployError('auth', `key ${path} needs a passphrase`, {
        hint: 'add it to an ssh-agent with ssh-add, or run this on a terminal',
      });
    }
    key = parsePrivateKey(bytes, passphrase);
  }
  if (key instanceof Error) {
    throw new DeployError('auth', `${path} is not a usable private key: ${key.message}`, {
      hint: 'keys of type ed25519, ecdsa and rsa in OpenSSH or PEM format can be used',
      cause: key,
    });
  }
  return { kind: 'key', label: `${path} (${fingerprintOf(key.getPublicSSH())})`, key };
}

/** Whether a key file cannot be used without its passphrase. @throws DeployError auth when it cannot be read. */
export async function isKeyFileEncrypted(path: string): Promise<boolean> {
  return parsePrivateKey(readKeyFile(path)) === 'encrypted';
}

function readKeyFile(path: string): Buffer {
  try {
    return readRegularFile(path, MAX_KEY_FILE);
  } catch (error) {
    if (isDeployError(error)) throw new DeployError('auth', `the key ${error.message}`, { cause: error });
    throw new DeployError('auth', `cannot read key ${path}: ${toDeployError(error).message}`, {
      hint: isMissing(error) ? 'name an existing private key with -key' : 'check its owner and mode',
      cause: error,
    });
  }
}

type KeyOutcome = ParsedKey | 'encrypted' | 'wrong-passphrase' | Error;

function parsePrivateKey(bytes: Buffer, passphrase?: string): KeyOutcome {
  if (/^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/m.test(bytes.toString('latin1'))) {
    return parsePkcs8(bytes, passphrase);
  }
  const parsed: ParsedKey | Error | ParsedKey[] = ssh2.utils.parseKey(bytes, passphrase);
  const key = Array.isArray(parsed) ? (parsed[0] ?? new Error('no key in it')) : parsed;
  if (key instanceof Error) {
    if (/no passphrase given/.test(key.message)) return 'encrypted';
    return passphrase === undefined ? key : 'wrong-passphrase';
  }
  return key.isPrivateKey() ? key : new Error('it is a public key');
}

/** Parses PKCS#8 by converting it to PEM of another kind: ssh2 does not read PKCS#8. */
function parsePkcs8(bytes: Buffer, passphrase: string | undefined): KeyOutcome {
  if (passphrase === undefined && bytes.includes('BEGIN ENCRYPTED')) return 'encrypted';
  try {
    const key = createPrivateKey({ key: bytes, ...(passphrase === undefined ? {} : { passphrase }) });
    const type = key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs1';
    return parsePrivateKey(Buffer.from(key.export({ type, format: 'pem' })));
  } catch (error) {
    if (passphrase !== undefined) return 'wrong-passphrase';
    return error instanceof Error ? error : new Error(String(error));
  }
}
