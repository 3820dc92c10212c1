import { createHash } from 'node:crypto';

export interface Digest {
  /** Hex SHA-256. */
  readonly hash: string;
  /** Bytes. */
  readonly size: number;
}

/** Passes bytes on while hashing them; `result` is right once all bytes were consumed. */
export function hashing(source: AsyncIterable<Uint8Array>): {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly result: () => Digest;
} {
  const hash = createHash('sha256');
  let size = 0;
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  return { bytes: pass(), result: () => ({ hash: hash.digest('hex'), size }) };
}
