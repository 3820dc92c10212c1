import type { Notice } from './notice.js';

/** A message as it is sent: what happened, and how a person is told of it. */
export interface Message {
  /** The same in every attempt to deliver it. */
  readonly id: string;
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
 * Errors: connect, timeout, denied, script (it may take the message later); invalid, unsupported, too-large (it never
 * takes this one); with `retryAfterMs` when it asks for patience.
 */
export interface Receiver {
  /** Its URL without secrets. */
  readonly label: string;
  /** Whether it can show a message again with newer numbers; others are not sent what is in between. */
  readonly edits: boolean;
  /** Whether it is to be told only of what went wrong, and of the end of that. */
  readonly quiet: boolean;
  /** Resolves when the receiver has taken the message. Messages are sent one at a time, in order. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

/** What a receiver has to remember of its threads, also over a restart. Whoever keeps it forgets the oldest. */
export interface ThreadMemory {
  recall(thread: string): Promise<string | undefined>;
  keep(thread: string, reference: string): Promise<void>;
}

/** A message that waits to be delivered, and since when, in milliseconds since 1970. */
export interface WaitingMessage {
  readonly message: Message;
  readonly since: number;
}

/** Where messages are that wait, so that they outlive the program. Neither call waits, nor throws. */
export interface MessageShelf {
  /** Once more with the same id replaces the content. */
  put(waiting: WaitingMessage): void;
  /** It was delivered, or never will be. */
  takeOut(id: string): void;
}

/** The programs that a receiver may run: any, none, or those in one directory. */
export type AllowedPrograms = 'any' | 'none' | { readonly directory: string };
