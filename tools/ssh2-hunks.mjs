// What is changed in ssh2 1.17.0, and why: only what code outside of it cannot reach. Everything else that its server lacks is
// done over it, by packages/registry/src/ssh/transport-guard.ts (docs/ssh-floor.md says what is where).

/** The release that the hunks were made for. */
export const VERSION = '1.17.0';

/** SHA-256 of each file that is changed, as it is published and with its hunks. */
export const FILES = {
  'lib/protocol/Protocol.js': {
    published: 'c1104b49087de7a91cd3ffaac8807c05eebf49f61effd084d0b0caf29fde6af4',
    changed: 'cf5cd75f5657edafb321ff8359b866bba946dff4137d9e90d35ad2ec0551a786',
  },
  'lib/protocol/constants.js': {
    published: 'a3894fdd8e294109b55f06fbda69e467741f15a250801b744b6b0487bbf32529',
    changed: 'ee154a699604b011b19adb100b295f21471a8ac1f7630d9f89f4fd962a144d7b',
  },
  'lib/protocol/kex.js': {
    published: '054ba4b81801596350f0e2e939746d2966297cffd4303b342c25b2fd5d295755',
    changed: 'cdc4c872270468ef29cf3098317727391df195b14a054c875149128d3e67f97c',
  },
};

/** Each `find` stands exactly once in its file and is replaced by `replace`. */
export const HUNKS = [
  {
    file: 'lib/protocol/Protocol.js',
    reason:
      'An identification line that comes in three TCP segments is refused: what the second brought is forgotten. RFC 4253, ' +
      'section 4.2, says nothing of segments.',
    find: `  if (!this._buffer)
    this._buffer = bufferSlice(data, op);

  return p - chunkOffset;`,
    replace: `  this._buffer = bufferSlice(data, op);

  return p - chunkOffset;`,
  },
  {
    file: 'lib/protocol/Protocol.js',
    reason:
      'What ends a connection frees its native decipher while the decipher still works on what was read, unless each caller on the ' +
      'way passes on a return value, and not all do: the process crashes. It is freed later, and what follows is not looked at.',
    find: `    this._decipher && this._decipher.free();`,
    replace: `    if (this._decipher) {
      const decipher = this._decipher;
      decipher._onPayload = () => Infinity;
      setImmediate(() => decipher.free());
    }`,
  },
  {
    file: 'lib/protocol/Protocol.js',
    reason:
      'The list of signature algorithms that the server takes (RFC 8308) lacks a comma, which hides P-521 and rsa-sha2-512, and ' +
      'names DSA and SHA-1, whatever is taken: ours is put in its place.',
    find: `  if (eddsaSupported)
    serverSigAlgs = \`ssh-ed25519,\${serverSigAlgs}\`;`,
    replace: `  if (eddsaSupported)
    serverSigAlgs = \`ssh-ed25519,\${serverSigAlgs}\`;
  if (proto._serverSigAlgs !== undefined)
    serverSigAlgs = proto._serverSigAlgs;`,
  },
  {
    file: 'lib/protocol/constants.js',
    reason: 'Post-quantum key exchange (draft-ietf-sshm-mlkem-hybrid-kex); the method is the next hunks.',
    find: `const SUPPORTED_KEX = DEFAULT_KEX.concat([
`,
    replace: `const SUPPORTED_KEX = DEFAULT_KEX.concat([
  'mlkem768x25519-sha256',

`,
  },
  {
    file: 'lib/protocol/kex.js',
    reason:
      'The method itself. ML-KEM comes from outside, by setKem, as not every Node.js has it. The shared secret is a string of 32 ' +
      'bytes, where that of the other methods is a number.',
    find: `  class ECDHExchange extends KeyExchange {`,
    replace: `  class HybridExchange extends Curve25519Exchange {
    constructor(...args) {
      super('sha256', ...args);

      if (!kem)
        throw new Error('ML-KEM is not loaded');
      this.type = 'mlkem768x25519';
      this._kemKeys = null;
      this._ciphertext = null;
    }
    getPublicKey() {
      let first = this._ciphertext;
      if (!this._protocol._server) {
        if (!this._kemKeys)
          this._kemKeys = kem.generate();
        first = this._kemKeys.publicKey;
      }
      return Buffer.concat([first, super.getPublicKey()]);
    }
    convertPublicKey(key) {
      return key;
    }
    computeSecret(otherPublicKey) {
      const isServer = this._protocol._server;
      const len = (isServer ? kem.publicKeyBytes : kem.ciphertextBytes);
      if (otherPublicKey.length !== len + 32)
        return new Error('wrong length of the public key');
      const number = super.computeSecret(otherPublicKey.slice(len));
      if (number instanceof Error)
        return number;
      const classical = Buffer.alloc(32);
      const start = Math.max(0, number.length - 32);
      number.copy(classical, 32 - (number.length - start), start);
      try {
        const received = otherPublicKey.slice(0, len);
        let secret;
        if (isServer) {
          const { ciphertext, secret: fresh } = kem.encapsulate(received);
          this._ciphertext = ciphertext;
          secret = fresh;
        } else {
          secret = this._kemKeys.decapsulate(received);
        }
        return createHash('sha256').update(secret).update(classical).digest();
      } catch (ex) {
        return ex;
      }
    }
  }

  class ECDHExchange extends KeyExchange {`,
  },
  {
    file: 'lib/protocol/kex.js',
    reason: 'The method is found by its name.',
    find: `        case 'ecdh-sha2-nistp256':
          return new ECDHExchange('prime256v1', 'sha256', ...args);`,
    replace: `        case 'mlkem768x25519-sha256':
          return new HybridExchange(...args);

        case 'ecdh-sha2-nistp256':
          return new ECDHExchange('prime256v1', 'sha256', ...args);`,
  },
  {
    file: 'lib/protocol/kex.js',
    reason: 'Where ML-KEM is kept.',
    find: `const createKeyExchange = (() => {`,
    replace: `let kem;

const createKeyExchange = (() => {`,
  },
  {
    file: 'lib/protocol/kex.js',
    reason: 'How ML-KEM is given.',
    find: `module.exports = {
  KexInit,`,
    replace: `module.exports = {
  setKem: (value) => { kem = value; },
  KexInit,`,
  },
  {
    file: 'lib/protocol/kex.js',
    reason:
      'The keys that were made for one exchange are kept as long as the connection: memory, and secrets that nothing needs any more.',
    find: `        this._public = null;
        this._dh = null;
`,
    replace: `        this._public = null;
        this._dh = null;
        this._keys = null;
        this._kemKeys = null;
        this._ciphertext = null;
`,
  },
];
