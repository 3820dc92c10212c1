import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fingerprintOf } from '@deploy-tools/shared/client/fingerprint.js';
import { DeployError, isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';

/**
 * Makes an Ed25519 private key in OpenSSH's format. ssh2 1.17 drops leading zero bytes of the public half, which one key in 256
 * has. Neither ssh2 nor OpenSSH can read such a key, so another one is made.
 */
export function generateHostKey(): string {
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'deploy-registry' });
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}

const MAX_KEY_BYTES = 64 * 1024;
/** The smallest RSA key (NIST SP 800-131A, section 3); ssh-audit fails a server with a smaller one. */
const MIN_RSA_BITS = 2048;
/** The hash of a signature by type of key (RFC 5656, section 6.2.1). Ed25519 has its own hash; for RSA the client chooses. */
const ECDSA_HASHES: ReadonlyMap<string, string> = new Map([
  ['ecdsa-sha2-nistp256', 'sha256'],
  ['ecdsa-sha2-nistp384', 'sha384'],
  ['ecdsa-sha2-nistp521', 'sha512'],
]);

export interface HostKey {
  readonly privateKey: Buffer;
  readonly fingerprint: string;
  /** SSH's name of the key type: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`. */
  readonly type: string;
}

/**
 * Reads the host key (OpenSSH or PEM, as the Go registry's EC key), or makes an Ed25519 key with mode 0600.
 * @throws DeployError invalid or denied, naming the file.
 */
export function loadHostKey(path: string): HostKey {
  if (!existsSync(path)) {
    writeFileAtomic(path, generateHostKey(), 0o600);
  }
  let privateKey: Buffer;
  try {
    privateKey = readRegularFile(path, MAX_KEY_BYTES);
  } catch (error) {
    if (isDeployError(error))
      throw new DeployError(error.kind, `the host key ${error.message}`, { cause: error });
    throw new DeployError(toDeployError(error).kind, `the host key ${path} cannot be read`, {
      hint: 'make it readable for the user that runs the registry',
      cause: error,
    });
  }
  const parsed = ssh2.utils.parseKey(privateKey);
  const reason = parsed instanceof Error ? parsed.message : unfitness(parsed);
  if (parsed instanceof Error || reason !== undefined) {
    throw new DeployError('invalid', `the host key ${path} cannot be used: ${reason}`, {
      hint: 'it has to be an unencrypted private key; to get a new one, remove it (clients then have to accept the new key)',
    });
  }
  return { privateKey, fingerprint: fingerprintOf(parsed.getPublicSSH()), type: parsed.type };
}

/** The key for ssh2's server, parsed once. ssh2 itself would parse it for each connection, which takes most of a signature's time. */
export function signingKey(privateKey: Buffer): ParsedKey {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed; // loadHostKey has read it
  const key = createPrivateKey(parsed.getPrivatePEM());
  const usual = ECDSA_HASHES.get(parsed.type);
  parsed.sign = (data, hash = usual) => sign(hash, Buffer.from(data as Buffer), key);
  return parsed;
}

function unfitness(key: ParsedKey): string | undefined {
  if (!key.isPrivateKey()) return 'it is a public key';
  const bits = createPublicKey(key.getPublicPEM()).asymmetricKeyDetails?.modulusLength;
  if (bits === undefined || bits >= MIN_RSA_BITS) return undefined;
  return `it is an RSA key of ${bits} bits, and fewer than ${MIN_RSA_BITS} are not safe`;
}
