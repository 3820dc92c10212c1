import type { Socket } from 'node:net';
import type { ServerChannel } from 'ssh2';

/** What may lie in the socket: ssh2 itself never waits for it. */
const MAX_SOCKET_BYTES = 1024 * 1024;

/**
 * Sends text over a channel no faster than its peer takes it, so that answers nobody reads do not pile up. Made when
 * the channel is: on a channel that has closed, ssh2 neither writes nor says so.
 */
export class TextOutlet {
  readonly #socket: Socket;
  #gone: boolean;
  #wake = () => {};

  constructor(channel: ServerChannel, socket: Socket) {
    this.#socket = socket;
    this.#gone = socket.destroyed;
    const leave = () => {
      this.#gone = true;
      this.#wake();
    };
    const drain = () => this.#wake();
    socket.on('drain', drain).on('close', leave);
    channel.once('close', () => {
      socket.off('drain', drain).off('close', leave);
      leave();
    });
  }

  /**
   * Resolves when the text is on its way, or nobody is left to take it. One at a time.
   * @param stream the channel, its stderr, or what writes to them.
   */
  async send(stream: NodeJS.WritableStream, text: string): Promise<void> {
    if (text === '' || this.#gone) return;
    let taken = false;
    stream.write(text, () => {
      taken = true;
      this.#wake();
    });
    while (!this.#gone && (!taken || this.#socket.writableLength > MAX_SOCKET_BYTES)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
