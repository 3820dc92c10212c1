import * as crypto from 'node:crypto';
import type { MlKem } from './ml-kem.js';

/** The functions of Node.js since 24.7, which the types of the oldest supported version lack. */
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

/** ML-KEM of Node.js with OpenSSL 3.5; undefined before Node.js 24.7. */
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
