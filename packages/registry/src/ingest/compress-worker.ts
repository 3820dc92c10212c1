import { parentPort, workerData } from 'node:worker_threads';
import { toSentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { CompressBatch, CompressorStart, CompressReply } from './compressor-thread.js';
import { Spool } from './spool.js';

/** The body of the thread that compressor-thread.ts starts. */
function serve({ fd, position }: CompressorStart): void {
  const spool = new Spool(fd, position);
  parentPort?.on('message', (batch: CompressBatch) => {
    const reply = answer(spool, batch);
    parentPort?.postMessage(reply, reply.kind === 'done' ? [reply.memory] : []);
  });
}

function answer(spool: Spool, { memory, lengths }: CompressBatch): CompressReply {
  try {
    const offset = spool.end;
    let at = 0;
    const packedLengths = lengths.map((length) => {
      const bytes = Buffer.from(memory, at, length);
      at += length;
      return spool.append(bytes);
    });
    spool.flush();
    return { kind: 'done', memory, offset, packedLengths };
  } catch (error) {
    return { kind: 'failed', error: toSentError(error) };
  }
}

serve(workerData);
