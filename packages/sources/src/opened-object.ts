/** Bytes that are being read from a URL. */
export interface OpenedObject {
  /** Of the whole object, in bytes, whatever the offset; undefined when the server does not say. */
  readonly size: number | undefined;
  /** What changes with the content: an ETag, a generation, or size and time of a file; undefined when nothing says so. */
  readonly validator: string | undefined;
  /** Where `body` begins: the wanted offset, or 0 where the server cannot begin in the middle. */
  readonly offset: number;
  /** To be read to its end, or left by `return`, which closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface OpenFrom {
  readonly offset: number;
  /** Of the bytes before `offset`: when the object has changed meanwhile it is read from its beginning. */
  readonly validator?: string | undefined;
}

/**
 * Opens what a URL names: `s3://bucket/key`, `gs://bucket/object`, `http(s)://…`, `file:///path`.
 * @throws DeployError invalid: no such kind of URL; not-found; denied: credentials are missing or do not suffice; connect;
 * cancelled. With `retryAfterMs` when the server asks for a delay.
 */
export type OpenUrl = (url: string, from: OpenFrom, signal: AbortSignal) => Promise<OpenedObject>;
