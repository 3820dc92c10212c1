import { createReadStream } from 'node:fs';
import { decompress } from './decompress.js';
import type { EntryPolicy, SafeEntry } from './entry-policy.js';
import { TarReader } from './tar-reader.js';

/** Receives the admitted entries of an archive, with the protocol of TarHandler. */
export interface EntrySink {
  entry(entry: SafeEntry): void;
  data(chunk: Uint8Array): void;
  entryEnd(): void;
  /** Asked between pieces of content: what to wait for when the sink holds as much as it may. */
  drained?(): Promise<void> | undefined;
}

/** Large enough to keep calls rare, small enough that reading ahead costs little memory. */
const READ_BYTES = 256 * 1024;

/** The bytes of an archive file, for `readArchive`. */
export function archiveFile(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: READ_BYTES, ...(signal === undefined ? {} : { signal }) });
}

/**
 * Reads a whole archive and hands over what the policy admits. Nothing of a refused entry, or after it, reaches the
 * sink. Reads to the end even when the tar stream ends before, so that the checksum of the compression is verified.
 * @param policy of the release that the archive is a layer of: it remembers the layers before.
 * @throws DeployError invalid, corrupt, unsafe, too-large; whatever the sink and the source throw.
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
