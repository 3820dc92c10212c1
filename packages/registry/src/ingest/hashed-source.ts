import { createHash } from 'node:crypto';
import type { StoredBlob } from '@deploy-tools/shared/model.js';

/** Passes bytes on and hashes all of them, also those after the end of a tar stream, which the consumer leaves unread. */
export class HashedSource implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #hash = createHash('sha256');
  #size = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The bytes that were not read yet. A consumer that stops early leaves the source open. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) return;
      this.#hash.update(next.value);
      this.#size += next.value.length;
      yield next.value;
    }
  }

  /** Reads the rest. @returns the hash and size of all bytes. */
  async finish(): Promise<StoredBlob> {
    for await (const _bytes of this);
    return { hash: this.#hash.digest('hex'), size: this.#size };
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
