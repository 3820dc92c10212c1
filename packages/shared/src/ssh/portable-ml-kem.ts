import { ml_kem768 as kem } from '@noble/post-quantum/ml-kem.js';
import type { MlKem } from './ml-kem.js';

/** ML-KEM-768 in JavaScript, for Node.js before 24.7. */
export function portableMlKem(): MlKem {
  return {
    generate: () => {
      const { publicKey, secretKey } = kem.keygen();
      return {
        publicKey: Buffer.from(publicKey),
        decapsulate: (ciphertext) => Buffer.from(kem.decapsulate(ciphertext, secretKey)),
      };
    },
    encapsulate: (publicKey) => {
      const { cipherText, sharedSecret } = kem.encapsulate(publicKey);
      return { ciphertext: Buffer.from(cipherText), secret: Buffer.from(sharedSecret) };
    },
  };
}
