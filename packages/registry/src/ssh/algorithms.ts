import { HOST_KEY_ALGORITHMS } from '@deploy-tools/shared/client/ssh-algorithms.js';
import { POST_QUANTUM_KEX } from '@deploy-tools/shared/ssh/key-exchange.js';
import type { KexAlgorithm, ServerConfig } from 'ssh2';

/**
 * The algorithms that the registry offers. All are modern: ssh-audit finds nothing to warn of. ssh2's own list also has group
 * exchange, which its server does not implement, SHA-1 MACs and ssh-rsa.
 */
const MODERN = {
  kex: [POST_QUANTUM_KEX, 'curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: HOST_KEY_ALGORITHMS,
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes256-ctr',
    'aes192-ctr',
    'aes128-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
} as const;

/**
 * The algorithms for clients without authenticated encryption or encrypt-then-MAC, such as libssh2 before 1.11 (curl).
 *
 * `curve25519-sha256` is offered under its older name only. Dropbear guesses the newer name and sends its first key exchange
 * packet at once; ssh2 1.17 would drop that packet although the guess is right.
 */
const COMPATIBLE = {
  ...MODERN,
  kex: [
    POST_QUANTUM_KEX,
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group16-sha512',
  ],
  hmac: [...MODERN.hmac, 'hmac-sha2-256', 'hmac-sha2-512'],
} as const;

export function serverAlgorithms(compatible: boolean): NonNullable<ServerConfig['algorithms']> {
  const { kex, serverHostKey, cipher, hmac, compress } = compatible ? COMPATIBLE : MODERN;
  return {
    kex: kex.map((name) => name as KexAlgorithm),
    serverHostKey: [...serverHostKey],
    cipher: [...cipher],
    hmac: [...hmac],
    compress: [...compress],
  };
}

/** Signature algorithms for users' keys; RSA with SHA-1 only where old clients are served. */
export function signatureAlgorithms(compatible: boolean): readonly string[] {
  return compatible ? [...MODERN.serverHostKey, 'ssh-rsa'] : MODERN.serverHostKey;
}
