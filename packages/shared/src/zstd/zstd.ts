/** The zstd library (RFC 8878) in one thread. Both implementations accept the same input and produce the same bytes. */
export interface Zstd {
  /** The library's version number, such as 10507. Compressed bytes may differ between versions. */
  readonly version: number;
  /** Compresses data to one frame with its content size. The result is valid until the next call. */
  compress(data: Uint8Array, level: number): Uint8Array;
  /**
   * Decompresses one whole frame.
   * @param length of the content at most.
   * @param scratch memory of at least this length, which the library may use for the content.
   * @throws Error with the damage.
   */
  decompress(frame: Uint8Array, length: number, scratch: Buffer): Buffer;
  /**
   * Decompresses a sequence of frames, skippable ones included. Memory is bounded, and other work of the thread runs between chunks.
   * Each chunk is valid until the next is read. Windows of more than 128 MiB (`zstd --long=28` and up) are refused.
   * @throws DeployError corrupt; errors of the source.
   */
  chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void>;
}
