import { CIPHERTEXT_BYTES, type MlKem, PUBLIC_KEY_BYTES } from '@deploy-tools/shared/ssh/ml-kem.js';
import { nodeMlKem } from '@deploy-tools/shared/ssh/node-ml-kem.js';
import { portableMlKem } from '@deploy-tools/shared/ssh/portable-ml-kem.js';
import { describe, expect, it } from 'vitest';

const portable = portableMlKem();
const own = nodeMlKem();
const kinds: [string, MlKem, MlKem][] = [['portable', portable, portable]];
if (own !== undefined)
  kinds.push(
    ['of Node.js', own, own],
    ['portable to Node.js', portable, own],
    ['Node.js to portable', own, portable],
  );

describe.each(kinds)('ML-KEM-768, %s', (_name, sender, receiver) => {
  it('gives both sides the same secret', () => {
    const { publicKey, decapsulate } = receiver.generate();
    const { ciphertext, secret } = sender.encapsulate(publicKey);
    expect([publicKey.length, ciphertext.length, secret.length]).toEqual([
      PUBLIC_KEY_BYTES,
      CIPHERTEXT_BYTES,
      32,
    ]);
    expect(decapsulate(ciphertext)).toEqual(secret);
  });

  it('gives a forged ciphertext another secret, and refuses what is no key', () => {
    const { publicKey, decapsulate } = receiver.generate();
    const { ciphertext, secret } = sender.encapsulate(publicKey);
    const forged = Buffer.from(ciphertext);
    forged[7] = (forged[7] ?? 0) ^ 1;
    expect(decapsulate(forged)).not.toEqual(secret);
    expect(() => sender.encapsulate(Buffer.alloc(PUBLIC_KEY_BYTES, 0xff))).toThrow();
    expect(() => sender.encapsulate(publicKey.subarray(1))).toThrow();
  });
});
