import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import * as z from 'zod/mini';
import { noticeSchema } from './notice.js';

/** A message as it is sent and stored: a notice and its words for a person. */
export const messageSchema = z.object({
  /** The same in every attempt to deliver the message. */
  id: z.string(),
  notice: noticeSchema,
  /** One line. */
  title: z.string(),
  /** Further lines; may be empty. */
  body: z._default(z.string(), ''),
  /** Messages with the same key belong together: a receiver that can updates the first, or answers in its thread. */
  thread: z.string(),
});

export type Message = Readonly<z.output<typeof messageSchema>>;

/**
 * The destination of messages: a channel, a mailbox, a URL, a program.
 * Errors: connect, timeout, denied, script: a later attempt may succeed; invalid, unsupported, too-large: no attempt will.
 * An error has `retryAfterMs` when the receiver asks for a delay.
 */
export interface Receiver {
  /** Its URL without secrets. */
  readonly label: string;
  /** Whether it can replace the numbers of a message that it has; other receivers get no `progress`. */
  readonly edits: boolean;
  /** Whether it gets failures and their ends only. */
  readonly quiet: boolean;
  /** Resolves when the receiver has taken the message. Messages are sent one at a time, in order. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

/** The references of a receiver's threads, kept over a restart; the oldest are forgotten. */
export interface ThreadMemory {
  recall(thread: string): Promise<string | undefined>;
  keep(thread: string, reference: string): Promise<void>;
}

/** A message that waits to be delivered, and since when, in milliseconds since 1970. */
export interface WaitingMessage {
  readonly message: Message;
  readonly since: number;
}

/** A store of waiting messages, so that they outlive the program. Neither call waits, nor throws. */
export interface MessageStore {
  /** Stores a message, or replaces the one with its id. */
  put(waiting: WaitingMessage): void;
  /** Removes a message that was delivered, or never will be. */
  takeOut(id: string): void;
}

/** The programs that a receiver may run: any, none, or those in one directory. */
export type AllowedPrograms = 'any' | 'none' | { readonly directory: string };

/**
 * Sends a message within a time, or until the signal is aborted, even when the receiver ignores its signal.
 * @throws DeployError the receiver's; timeout; cancelled.
 */
export async function sendWithin(
  receiver: Receiver,
  message: Message,
  { ms, signal }: { readonly ms: number; readonly signal?: AbortSignal },
): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(noAnswer(ms)), ms);
  const stop = AbortSignal.any([late.signal, ...(signal === undefined ? [] : [signal])]);
  let fail = () => {};
  const stopped = new Promise<never>((_, reject) => {
    fail = () => reject(toDeployError(stop.reason));
    stop.addEventListener('abort', fail, { once: true });
  });
  try {
    await Promise.race([receiver.send(message, stop), stopped]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', fail);
  }
}

function noAnswer(ms: number): DeployError {
  return new DeployError('timeout', `the receiver did not answer within ${ms / 1000} s`);
}
