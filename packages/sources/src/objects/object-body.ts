import type { Readable } from 'node:stream';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

interface BodyWatch {
  /** For messages: the URL without secrets. */
  readonly label: string;
  /** The longest wait for the next piece, while the reader wants it. */
  readonly idleMs: number;
  /** The expected length; undefined when it is not known. */
  readonly bytes: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Reads a stream, and destroys it in the end. Errors are DeployErrors: connect when the stream stalls, breaks or ends early,
 * cancelled on abort. A reader that pauses does not count as a stall.
 */
export function objectBody(stream: Readable, watch: BodyWatch): AsyncIterable<Uint8Array> {
  const { signal, label } = watch;
  const abort = (): void => void stream.destroy(new DeployError('cancelled', `reading ${label} was stopped`));
  stream.on('error', () => {}); // the reader gets the error too
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  stream.once('close', () => signal.removeEventListener('abort', abort));
  return { [Symbol.asyncIterator]: () => new BodyIterator(stream, watch) };
}

class BodyIterator implements AsyncIterator<Uint8Array, undefined> {
  readonly #stream: Readable;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #watch: BodyWatch;
  #read = 0;

  constructor(stream: Readable, watch: BodyWatch) {
    this.#stream = stream;
    this.#pieces = stream[Symbol.asyncIterator]();
    this.#watch = watch;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { idleMs, label, bytes } = this.#watch;
    const stalled = new DeployError('connect', `${label} sent nothing for ${formatDuration(idleMs)}`);
    const timer = setTimeout(() => this.#stream.destroy(stalled), idleMs);
    try {
      const { done, value } = await this.#pieces.next();
      if (done !== true) {
        this.#read += value.length;
        return { done: false, value };
      }
      if (bytes !== undefined && this.#read < bytes) throw this.#cut();
      return { done: true, value: undefined };
    } catch (error) {
      throw this.#translated(error);
    } finally {
      clearTimeout(timer);
    }
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#stream.destroy();
    return Promise.resolve({ done: true, value: undefined });
  }

  #translated(error: unknown): DeployError {
    const translated = toDeployError(error);
    return error === translated || translated.kind === 'denied' ? translated : this.#cut(error);
  }

  #cut(cause?: unknown): DeployError {
    const { label, bytes } = this.#watch;
    const of = bytes === undefined ? '' : ` of ${bytes}`;
    return new DeployError('connect', `the connection was lost after ${this.#read}${of} bytes of ${label}`, {
      cause,
    });
  }
}

/** Reads a whole body. @param label names it in messages. @throws DeployError too-large; what the body throws. */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  label: string,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes)
      throw new DeployError('too-large', `${label} is larger than ${formatByteSize(maxBytes)}`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
