import type { Notice } from './notice.js';

/** A message as it is sent: what happened, and how a person is told of it. */
export interface Message {
  readonly notice: Notice;
  /** One line. */
  readonly title: string;
  /** Further lines; may be empty. */
  readonly body: string;
  /** Messages with the same key belong together: a receiver that can updates the first, or answers in its thread. */
  readonly thread: string;
}

/**
 * Somebody who is told: a channel, a mailbox, a URL, a program.
 * Errors: connect, timeout, denied, invalid (it never takes this message), unsupported; with `retryAfterMs` when it asks for patience.
 */
export interface Receiver {
  /** Its URL without secrets. */
  readonly label: string;
  /** Resolves when the receiver has taken the message. Messages are sent one at a time, in order. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}
