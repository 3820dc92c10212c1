import { setImmediate } from 'node:timers/promises';
import { DeployError } from '../errors.js';

const OUTPUT_BYTES = 256 * 1024;

/**
 * Decompresses Zstandard frames (RFC 8878), skippable ones included. Works on the calling thread, one chunk of output
 * at a time, and lets other work of the thread run between chunks, so a bomb costs neither memory nor the event loop.
 * Each chunk is valid until the next is asked for. Windows of more than 128 MiB (`zstd --long=28` and up) are refused.
 * @throws DeployError corrupt; whatever the source throws.
 */
export async function* zstdChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  // Loaded when first needed: a host that never sees zstd does not need the native library.
  const { default: zstd } = await import('zstd-napi/binding.js');
  const context = new zstd.DCtx();
  const output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  let inFrame = false;
  for await (const chunk of source) {
    let input = chunk;
    for (let full = true; full || input.length > 0; ) {
      const [pending, produced, consumed] = decompressStep(context, output, input);
      input = input.subarray(consumed);
      inFrame = pending !== 0;
      full = produced === output.length && inFrame;
      if (produced === 0) continue;
      yield output.subarray(0, produced);
      await setImmediate();
    }
  }
  if (inFrame) throw new DeployError('corrupt', 'the zstd data ends early: the archive was cut');
}

interface Decompressor {
  decompressStream(output: Uint8Array, input: Uint8Array): [number, number, number];
}

function decompressStep(
  context: Decompressor,
  output: Uint8Array,
  input: Uint8Array,
): [number, number, number] {
  try {
    return context.decompressStream(output, input);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DeployError('corrupt', `the zstd data is damaged: ${reason}`, { cause: error });
  }
}
