import ssh2 from 'ssh2';

/** An Ed25519 key pair in OpenSSH's format; ssh2 1.17 cannot read one in 256 that it makes (generate-host-key.ts). */
export function sshKeyPair(): { readonly private: string; readonly public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    if (![pair.private, pair.public].some((key) => ssh2.utils.parseKey(key) instanceof Error)) return pair;
  }
}
