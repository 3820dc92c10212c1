import * as crypto from 'node:crypto';

/** Sizes of FIPS 203, section 8, for ML-KEM-768. */
export const PUBLIC_KEY_BYTES = 1184;
export const CIPHERTEXT_BYTES = 1088;

/** ML-KEM-768 (FIPS 203), as the key exchange uses it. Secrets are 32 bytes. */
export interface MlKem {
  /** Makes a key pair for one exchange. */
  generate(): {
    readonly publicKey: Buffer;
    /** @throws Error when the ciphertext has the wrong length; a forged one gives a secret that nobody else has. */
    readonly decapsulate: (ciphertext: Buffer) => Buffer;
  };
  /** @throws Error when those bytes are no public key (FIPS 203, section 7.2). */
  encapsulate(publicKey: Buffer): { readonly ciphertext: Buffer; readonly secret: Buffer };
}

/** What Node.js has of it since 24.7, which the types of the oldest supported one do not know. */
interface NodeKem {
  encapsulate?(key: crypto.KeyObject): { readonly sharedKey: Buffer; readonly ciphertext: Buffer };
  decapsulate?(key: crypto.KeyObject, ciphertext: Buffer): Buffer;
  generateKeyPairSync(type: 'ml-kem-768'): {
    readonly publicKey: crypto.KeyObject;
    readonly privateKey: crypto.KeyObject;
  };
}

/** SubjectPublicKeyInfo of an ML-KEM-768 key up to the key itself (RFC 9935, section 4). */
const SPKI_HEADER = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');

/** Node.js's own where it has it, which is ten times as fast; otherwise that of @noble/post-quantum. */
export async function loadMlKem(): Promise<MlKem> {
  const own = nodeMlKem();
  if (own !== undefined) return own;
  const { portableMlKem } = await import('./portable-ml-kem.js');
  return portableMlKem();
}

/** ML-KEM of Node.js, by OpenSSL 3.5; undefined before Node.js 24.7. */
export function nodeMlKem(): MlKem | undefined {
  const { encapsulate, decapsulate, generateKeyPairSync } = crypto as unknown as NodeKem;
  if (encapsulate === undefined || decapsulate === undefined) return undefined;
  return {
    generate: () => {
      const { publicKey, privateKey } = generateKeyPairSync('ml-kem-768');
      const spki = publicKey.export({ type: 'spki', format: 'der' });
      return {
        publicKey: spki.subarray(SPKI_HEADER.length),
        decapsulate: (ciphertext) => decapsulate(privateKey, ciphertext),
      };
    },
    encapsulate: (publicKey) => {
      const spki = Buffer.concat([SPKI_HEADER, publicKey]);
      const { sharedKey, ciphertext } = encapsulate(
        crypto.createPublicKey({ key: spki, type: 'spki', format: 'der' }),
      );
      return { ciphertext, secret: sharedKey };
    },
  };
}
