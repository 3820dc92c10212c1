import type { Readable } from 'node:stream';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

export interface BodyWatch {
  /** For messages: the URL without secrets. */
  readonly label: string;
  /** Between one piece and the next, while the reader wants it. */
  readonly idleMs: number;
  /** That have to come; undefined when nobody said. */
  readonly bytes: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * What a stream gives, with its failures distinguished: DeployError connect when it stalls, breaks or ends early, cancelled on
 * abort. A reader that pauses is not taken for a stall. The stream is destroyed in the end, however that comes.
 */
export function objectBody(stream: Readable, watch: BodyWatch): AsyncIterable<Uint8Array> {
  const { signal, label } = watch;
  const abort = (): void => void stream.destroy(new DeployError('cancelled', `reading ${label} was stopped`));
  stream.on('error', () => {}); // the reader gets it too
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
