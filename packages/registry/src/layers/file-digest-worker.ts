import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { StoredBlob } from '@deploy-tools/shared/model.js';
import { type SentError, toSentError } from '@deploy-tools/shared/thread/sent-error.js';

const READ_BYTES = 1024 * 1024;

/** The answer of the thread to a path. */
export type DigestReply =
  | { readonly kind: 'done'; readonly digest: StoredBlob }
  | { readonly kind: 'failed'; readonly error: SentError };

parentPort?.on('message', (path: string) => parentPort?.postMessage(answer(path)));

function answer(path: string): DigestReply {
  try {
    return { kind: 'done', digest: digestOf(path) };
  } catch (error) {
    return { kind: 'failed', error: toSentError(error) };
  }
}

function digestOf(path: string): StoredBlob {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const fd = openSync(path, 'r');
  try {
    for (let size = 0; ; ) {
      const got = readSync(fd, buffer, 0, buffer.length, size);
      if (got === 0) return { hash: hash.digest('hex'), size };
      hash.update(buffer.subarray(0, got));
      size += got;
    }
  } finally {
    closeSync(fd);
  }
}
