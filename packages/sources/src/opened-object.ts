/** The open content of a URL. */
export interface OpenedObject {
  /** The size of the whole object in bytes, whatever the offset; undefined when the server does not give it. */
  readonly size: number | undefined;
  /** Changes with the content: an ETag, a generation, or size and time of a file; undefined where there is none. */
  readonly validator: string | undefined;
  /** The offset of the first byte of `body`: the wanted one, or 0 where the server cannot begin in the middle. */
  readonly offset: number;
  /** A reader that stops early calls `return`, which closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface OpenFrom {
  readonly offset: number;
  /** Of the bytes before `offset`: an object that has changed meanwhile is read from its beginning. */
  readonly validator?: string | undefined;
}

/**
 * Opens the object of a URL: `s3://bucket/key`, `gs://bucket/object`, `http(s)://…`, `file:///path`.
 * @throws DeployError invalid: no such kind of URL; not-found; denied: credentials are missing or do not suffice; connect;
 * cancelled. With `retryAfterMs` when the server asks for a delay.
 */
export type OpenUrl = (url: string, from: OpenFrom, signal: AbortSignal) => Promise<OpenedObject>;

/** Opens the URLs of one kind. @see OpenUrl */
export type OpenKind = (url: URL, from: OpenFrom, signal: AbortSignal) => Promise<OpenedObject>;

/** The environment and the timeouts for opening objects. */
export interface ObjectContext {
  /** For endpoints. Google's and Amazon's own libraries read credentials from the process's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Until an answer begins. */
  readonly headerTimeoutMs: number;
  /** Between two pieces of a body. */
  readonly idleTimeoutMs: number;
}
