import type { Algorithms, KexAlgorithm } from 'ssh2';
import { POST_QUANTUM_KEX } from '../ssh/key-exchange.js';

/** The algorithms of all types of host keys that deploy-registry accepts. */
export const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

type HostKeyAlgorithm = (typeof HOST_KEY_ALGORITHMS)[number];

/**
 * The algorithms that our clients offer, best first. ssh2's own list still has SHA-1 and group exchange. ecdh-sha2-nistp256 serves
 * Go registries built before 2018.
 * @param preferredKeyTypes the known host's key types, which are requested first.
 */
export function clientAlgorithms(preferredKeyTypes: readonly string[]): Algorithms {
  return {
    kex: [
      POST_QUANTUM_KEX as KexAlgorithm,
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
    ],
    serverHostKey: hostKeyAlgorithms(preferredKeyTypes),
    cipher: [
      'aes128-gcm@openssh.com',
      'aes256-gcm@openssh.com',
      'chacha20-poly1305@openssh.com',
      'aes256-ctr',
      'aes128-ctr',
    ],
    hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
    compress: ['none'],
  };
}

/** An `ssh-rsa` key signs with SHA-2 (RFC 8332): its type names two algorithms. */
function hostKeyAlgorithms(preferred: readonly string[]): HostKeyAlgorithm[] {
  const rank = (algorithm: HostKeyAlgorithm) => {
    const index = preferred.indexOf(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
    return index < 0 ? preferred.length : index;
  };
  return [...HOST_KEY_ALGORITHMS].sort((a, b) => rank(a) - rank(b));
}
