import { Worker } from 'node:worker_threads';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { StoredBlob } from '@deploy-tools/shared/model.js';
import { fromSentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { Digester } from './digester.js';
import type { DigestReply } from './file-digest-worker.js';

/** A thread that reads and hashes files in turn. */
export class FileDigester implements Digester {
  readonly #worker = new Worker(new URL('./file-digest-worker.js', import.meta.url));
  /** Settles when the previous digest has ended. */
  #last: Promise<unknown> = Promise.resolve();
  #ended: DeployError | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.once('error', (error) => {
      this.#ended = new DeployError('internal', `the hashing thread died: ${describeError(error)}`, {
        cause: error,
      });
    });
    this.#worker.once('exit', () => {
      this.#ended ??= new DeployError('cancelled', 'hashing was stopped');
    });
  }

  digest(path: string): Promise<StoredBlob> {
    const digest = this.#last.then(() => this.#ask(path));
    this.#last = digest.catch(() => undefined);
    return digest;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(path: string): Promise<StoredBlob> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(this.#ended);
      if (this.#ended !== undefined) {
        ended();
        return;
      }
      this.#worker.once('exit', ended);
      this.#worker.once('message', (reply: DigestReply) => {
        this.#worker.off('exit', ended);
        if (reply.kind === 'done') resolve(reply.digest);
        else reject(fromSentError(reply.error));
      });
      this.#worker.postMessage(path);
    });
  }
}
