import { createReadStream } from 'node:fs';
import { decompress } from './decompress.js';
import type { EntryPolicy, SafeEntry } from './entry-policy.js';
import { TarReader } from './tar-reader.js';

/** Receives the admitted entries of an archive, with the protocol of TarHandler. */
export interface EntrySink {
  entry(entry: SafeEntry): void;
  data(chunk: Uint8Array): void;
  entryEnd(): void;
  /** Called between pieces of content; returns a promise to wait for when the sink is full. */
  drained?(): Promise<void> | undefined;
}

/** Bytes of one read: few calls, and little memory for reading ahead. */
const READ_BYTES = 256 * 1024;

/** Reads the bytes of an archive file, for `readArchive`. */
export function archiveFile(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: READ_BYTES, ...(signal === undefined ? {} : { signal }) });
}

/**
 * Reads a whole archive and gives its admitted entries to the sink. A refused entry ends it before the sink gets the entry. Reads to
 * the end even when the tar stream ends before, so that the checksum of the compression is verified.
 * @param policy of the release; it has seen the entries of the lower layers.
 * @throws DeployError invalid, corrupt, unsafe, too-large; errors of the sink and the source.
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  policy: EntryPolicy,
  sink: EntrySink,
): Promise<void> {
  const reader = new TarReader({
    entry: (entry) => sink.entry(policy.admit(entry)),
    data: (chunk) => sink.data(chunk),
    entryEnd: () => sink.entryEnd(),
    extraHeader: () => policy.countHeader(),
  });
  let decompressed = 0;
  for await (const { bytes, compressed } of decompress(source)) {
    decompressed += bytes.length;
    policy.countBytes(bytes.length, { decompressed, compressed });
    reader.write(bytes);
    await sink.drained?.();
  }
  reader.end();
}
