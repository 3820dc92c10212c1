import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { detectArchiveFormat, FORMAT_HEAD_BYTES } from '@deploy-tools/shared/archive/archive-format.js';
import type { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { DeployError, errnoOf, isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import unbzip2 from 'unbzip2-stream';
import xz from 'xz-decompress';

const READ_BYTES = 64 * 1024;
/** The limit of bytes that a single piece of bzip2 data expands to: a block of 45 bytes may hold 45 MB. */
const MAX_PENDING_BYTES = 512 * 1024 ** 2;

/**
 * Decompresses the tar stream in a tar.xz or tar.bz2 file, and bounds its size. Unpacking checks its entries later.
 * @param size of the file in bytes.
 * @throws DeployError corrupt, too-large; invalid when the content is no tar.
 */
export async function* inflated(
  path: string,
  format: 'tar.xz' | 'tar.bz2',
  size: number,
  policy: EntryPolicy,
): AsyncGenerator<Uint8Array> {
  let decompressed = 0;
  let head = Buffer.alloc(0);
  for await (const chunk of decompressor(path, format)) {
    if (head.length < FORMAT_HEAD_BYTES) head = Buffer.concat([head, chunk]).subarray(0, FORMAT_HEAD_BYTES);
    if (decompressed < FORMAT_HEAD_BYTES && head.length === FORMAT_HEAD_BYTES) requireTar(head, format);
    decompressed += chunk.length;
    policy.countBytes(chunk.length, { decompressed, compressed: size });
    yield chunk;
  }
  if (head.length < FORMAT_HEAD_BYTES) requireTar(head, format);
}

async function* decompressor(path: string, format: 'tar.xz' | 'tar.bz2'): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  try {
    yield* format === 'tar.xz' ? unxz(file) : unbzip(file);
  } catch (error) {
    if (isDeployError(error)) throw error;
    if (errnoOf(error) !== undefined) throw toDeployError(error);
    const why = error instanceof Error ? error.message : String(error);
    throw new DeployError('corrupt', `the ${format} file is damaged or was cut: ${why}`, { cause: error });
  } finally {
    file.destroy();
  }
}

async function* unxz(file: Readable): AsyncGenerator<Uint8Array> {
  const reader = new xz.XzReadableStream(webStream(file)).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // otherwise no other file of this thread could begin
  }
}

/** Like Readable.toWeb, but with the global type that the library takes, and pulled piece by piece. */
function webStream(file: Readable): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = file[Symbol.asyncIterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
  });
}

/** The library decompresses during `write`, and emits errors of listeners as its own. */
async function* unbzip(file: Readable): AsyncGenerator<Uint8Array> {
  const bunzip = unbzip2();
  let failure: unknown;
  let pending: Uint8Array[] = [];
  let bytes = 0;
  bunzip.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > MAX_PENDING_BYTES)
      throw new DeployError('too-large', 'the bzip2 data expands beyond all bounds');
    pending.push(chunk);
  });
  bunzip.on('error', (error: unknown) => {
    failure ??= error;
  });
  const taken = (): Uint8Array[] => {
    const chunks = pending;
    [pending, bytes] = [[], 0];
    return chunks;
  };
  for await (const chunk of file) {
    bunzip.write(chunk);
    yield* taken();
    if (failure !== undefined) throw failure;
  }
  bunzip.end();
  yield* taken();
  if (failure !== undefined) throw failure;
}

function requireTar(head: Buffer, format: string): void {
  try {
    if (detectArchiveFormat(head) === 'tar') return;
  } catch {
    // The error below names the file's format.
  }
  throw new DeployError('invalid', `there is no tar archive in the ${format} file`);
}
