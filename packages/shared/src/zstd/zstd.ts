/** The zstd library (RFC 8878) in one thread. Both ways to it give the same bytes, and take and refuse the same. */
export interface Zstd {
  /** The library's version number, such as 10507: what it compresses may differ between versions. */
  readonly version: number;
  /** One frame that says how long its content is. Valid until the next call. */
  compress(data: Uint8Array, level: number): Uint8Array;
  /**
   * The content of one whole frame.
   * @param length of the content at most.
   * @param scratch at least as long: memory to be used for it, where the library can.
   * @throws Error that says what is damaged.
   */
  decompress(frame: Uint8Array, length: number, scratch: Buffer): Buffer;
  /**
   * The content of frames one after another, skippable ones included. Memory is bounded, and other work of the thread goes on
   * between chunks. Each chunk is valid until the next is asked for. Windows of more than 128 MiB (`zstd --long=28` and up) are
   * refused.
   * @throws DeployError corrupt; whatever the source throws.
   */
  chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void>;
}
