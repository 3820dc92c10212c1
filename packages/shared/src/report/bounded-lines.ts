import { Writable } from 'node:stream';
import { DeployError, toDeployError } from '../errors.js';

/**
 * A stream that cuts what is written to it into lines.
 * @param maxBytes of a line with its newline; a longer line destroys the stream, as does an error of the listener.
 */
export function lineSink(maxBytes: number, onLine: (line: string) => void): Writable {
  const lines = new BoundedLines(maxBytes);
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      try {
        for (const line of lines.push(chunk)) onLine(line);
        done();
      } catch (error) {
        done(toDeployError(error));
      }
    },
  });
}

/**
 * Splits a byte stream into lines of UTF-8 without their newlines. Holds at most one incomplete line, of bounded length.
 */
export class BoundedLines {
  readonly #maxBytes: number;
  #pending: Buffer[] = [];
  #length = 0;

  /** @param maxBytes of a line with its newline. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Returns the lines that end in this chunk, one at a time, as a chunk may contain thousands.
   * @throws DeployError too-large; the stream must not be read further.
   */
  *push(chunk: Buffer): Generator<string, void, undefined> {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#hold(chunk.subarray(from, end + 1));
      yield this.#take();
      from = end + 1;
    }
    if (from < chunk.length) this.#hold(Buffer.from(chunk.subarray(from)));
  }

  #hold(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#maxBytes) {
      this.#pending = [];
      throw new DeployError('too-large', `a line is longer than ${this.#maxBytes} bytes`);
    }
    this.#pending.push(part);
  }

  #take(): string {
    const line = Buffer.concat(this.#pending, this.#length).toString('utf8', 0, this.#length - 1);
    this.#pending = [];
    this.#length = 0;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}
