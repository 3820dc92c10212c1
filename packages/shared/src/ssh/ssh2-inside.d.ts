/** The part of ssh2 1.17 that tools/ssh2-hunks.mjs extends. */
declare module 'ssh2/lib/protocol/kex.js' {
  interface Kem {
    readonly publicKeyBytes: number;
    readonly ciphertextBytes: number;
    generate(): { readonly publicKey: Buffer; readonly decapsulate: (ciphertext: Buffer) => Buffer };
    encapsulate(publicKey: Buffer): { readonly ciphertext: Buffer; readonly secret: Buffer };
  }
  const kex: {
    /** Missing where the hunks are not applied. */
    readonly setKem?: (kem: Kem) => void;
  };
  export = kex;
}
