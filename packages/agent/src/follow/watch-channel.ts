import { Writable } from 'node:stream';
import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { lineSink } from '@deploy-tools/shared/report/bounded-lines.js';
import { decodeWatchLine, MAX_WATCH_LINE, type WatchEvent } from '@deploy-tools/shared/watch-line.js';

/** Characters kept of a registry's refusal. */
const MAX_COMPLAINT = 1000;

export interface WatchRequest {
  /** Of 1 to 100 configurations. */
  readonly names: readonly string[];
  /** Called for each line, in order. */
  readonly onEvent: (event: WatchEvent) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * Has the registry announce changes of configurations over a channel of its own.
 * @returns once the registry has ended the watch: its exit status and its complaint.
 * @throws DeployError unsupported when it refuses; corrupt, too-large for malformed lines; connect. AbortError.
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
  const stdout = lineSink(MAX_WATCH_LINE, (line) => {
    const event = decodeWatchLine(line);
    if (event !== undefined) onEvent(event);
  });
  const status = await connection.exec(joinCommandLine(['watch', ...names]), { stdout, stderr, signal });
  return { status, complaint: complaint.trim() };
}
