/** Sizes of FIPS 203, section 8, for ML-KEM-768. */
export const PUBLIC_KEY_BYTES = 1184;
export const CIPHERTEXT_BYTES = 1088;

/** ML-KEM-768 (FIPS 203), as the key exchange uses it. Secrets are 32 bytes. */
export interface MlKem {
  /** Makes a key pair for one exchange. */
  generate(): {
    readonly publicKey: Buffer;
    /** @throws Error for a ciphertext of the wrong length; a forged one leads to a secret that nobody else has. */
    readonly decapsulate: (ciphertext: Buffer) => Buffer;
  };
  /** @throws Error when the bytes are no public key (FIPS 203, section 7.2). */
  encapsulate(publicKey: Buffer): { readonly ciphertext: Buffer; readonly secret: Buffer };
}
