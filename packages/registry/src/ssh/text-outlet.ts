import type { ServerChannel } from 'ssh2';
import type { Outbound } from '../sftp/outbound.js';

/** Unsent bytes of a connection at which senders wait, by default. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * Sends text over a channel no faster than its peer reads it, so that unread answers do not pile up. Made together with the
 * channel: on a closed channel ssh2 neither writes nor reports that.
 */
export class TextOutlet {
  /** Aborted when the peer has left. */
  readonly left: AbortSignal;
  readonly #outbound: Outbound;
  readonly #maxWaitingBytes: number;
  #wake = () => {};

  /** @param maxWaitingBytes unsent bytes of the connection above which `send` waits. */
  constructor(channel: ServerChannel, outbound: Outbound, maxWaitingBytes = MAX_WAITING_BYTES) {
    const leaving = new AbortController();
    this.left = leaving.signal;
    this.#outbound = outbound;
    this.#maxWaitingBytes = maxWaitingBytes;
    if (outbound.closed) leaving.abort();
    const leave = () => {
      leaving.abort();
      this.#wake();
    };
    const ignoreOutbound = outbound.onChange(() => (outbound.closed ? leave() : this.#wake()));
    channel.once('close', () => {
      ignoreOutbound();
      leave();
    });
  }

  /**
   * Resolves when the text is on its way, or the peer has left. One call at a time.
   * @param stream the channel, its stderr, or a stream that writes to them.
   * @param enough ends the wait when aborted.
   */
  async send(stream: NodeJS.WritableStream, text: string, enough?: AbortSignal): Promise<void> {
    const over = () => this.left.aborted || enough?.aborted === true;
    if (text === '' || over()) return;
    let taken = false;
    stream.write(text, () => {
      taken = true;
      this.#wake();
    });
    while (!over() && (!taken || this.#outbound.waiting > this.#maxWaitingBytes)) await this.#change(enough);
  }

  #change(enough: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        enough?.removeEventListener('abort', this.#wake);
        resolve();
      };
      enough?.addEventListener('abort', this.#wake);
    });
  }
}
