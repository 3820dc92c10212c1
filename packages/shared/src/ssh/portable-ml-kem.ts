import { randomBytes } from 'node:crypto';
import { ml_kem768 as kem } from '@noble/post-quantum/ml-kem.js';
import type { MlKem } from './ml-kem.js';

/** Seed of a key pair, and message of an encapsulation (FIPS 203, sections 7.1 and 7.2). */
const [SEED_BYTES, MESSAGE_BYTES] = [64, 32];

/**
 * ML-KEM-768 in JavaScript, for Node.js before 24.7. Its random bytes come from node:crypto. The library would take them from
 * WebCrypto, which would slow down every start of a program.
 */
export function portableMlKem(): MlKem {
  return {
    generate: () => {
      const { publicKey, secretKey } = kem.keygen(randomBytes(SEED_BYTES));
      return {
        publicKey: Buffer.from(publicKey),
        decapsulate: (ciphertext) => Buffer.from(kem.decapsulate(ciphertext, secretKey)),
      };
    },
    encapsulate: (publicKey) => {
      const { cipherText, sharedSecret } = kem.encapsulate(publicKey, randomBytes(MESSAGE_BYTES));
      return { ciphertext: Buffer.from(cipherText), secret: Buffer.from(sharedSecret) };
    },
  };
}
