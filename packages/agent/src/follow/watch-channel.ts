import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { decodeWatchLine, MAX_WATCH_LINE, type WatchEvent } from '@deploy-tools/shared/watch-line.js';

/** Characters kept of the sentence in which a registry says why it refuses. */
const MAX_COMPLAINT = 1000;

export interface WatchRequest {
  readonly names: readonly string[];
  readonly onEvent: (event: WatchEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Has the registry announce changes of configurations over a channel of its own.
 * @param watch.names 1 to 100. @param watch.onEvent called for each line in order. @param watch.signal ends it.
 * @returns when the registry has ended it: its exit status, and what it complained about.
 * @throws DeployError unsupported when it refuses; corrupt for malformed lines; connect. AbortError.
 */
export async function watchConfigurations(
  connection: Connection,
  { names, onEvent, signal }: WatchRequest,
): Promise<{ readonly status: number; readonly complaint: string }> {
  let complaint = '';
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      complaint = (complaint + chunk.toString('utf8')).slice(0, MAX_COMPLAINT);
      done();
    },
  });
  const stdout = new WatchLines(onEvent);
  const status = await connection.exec(joinCommandLine(['watch', ...names]), { stdout, stderr, signal });
  return { status, complaint: complaint.trim() };
}

/** Cuts what is written to it into lines and reads them. */
class WatchLines extends Writable {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onEvent: (event: WatchEvent) => void;
  #pending = '';

  constructor(onEvent: (event: WatchEvent) => void) {
    super();
    this.#onEvent = onEvent;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    try {
      this.#take(chunk);
      done();
    } catch (error) {
      done(error as DeployError);
    }
  }

  #take(chunk: Buffer): void {
    const lines = (this.#pending + this.#decoder.write(chunk)).split('\n');
    this.#pending = lines.pop() ?? '';
    for (const line of lines) {
      const event = decodeWatchLine(line);
      if (event !== undefined) this.#onEvent(event);
    }
    if (this.#pending.length > MAX_WATCH_LINE) {
      throw new DeployError('corrupt', `a line of the watch is longer than ${MAX_WATCH_LINE} characters`);
    }
  }
}
