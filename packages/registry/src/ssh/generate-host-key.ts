import ssh2 from 'ssh2';

/**
 * Makes an Ed25519 private key in OpenSSH's format. ssh2 1.17 leaves out leading zero bytes of the public half, which
 * one key in 256 has, and neither it nor OpenSSH can read such a key: that one is made anew.
 */
export function generateHostKey(): string {
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'deploy-registry' });
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}
