import { createHash } from 'node:crypto';

/** Bytes to upload, read once. */
export interface ArchiveSource {
  /** What it is called in messages. */
  readonly label: string;
  /** Bytes, when known beforehand. */
  readonly size: number | undefined;
  /** @throws DeployError when the content cannot be trusted to be one state of the file. */
  read(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface Digest {
  /** Hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}

/** Passes bytes on while hashing them; `result` is right once all of them were consumed. */
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
