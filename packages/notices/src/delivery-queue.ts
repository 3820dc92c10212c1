import { isDeployNotice } from './notice.js';
import type { Message } from './receiver.js';

/** A message that waits to be delivered. */
export interface Waiting {
  message: Message;
  /** Milliseconds since 1970. */
  readonly since: number;
  attempts: number;
}

/**
 * The waiting messages of one receiver, oldest first, bounded. A newer edition replaces an older one of the same thread and
 * event. When the queue is full, editions are dropped first, then the oldest message.
 */
export class DeliveryQueue {
  readonly #most: number;
  readonly #waiting: Waiting[] = [];
  #busy: Waiting | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** @returns the waiting message, and the message that was dropped to make room for it. */
  add(message: Message, now: number): { readonly waiting: Waiting; readonly dropped: Message | undefined } {
    const older = this.#waiting.find(
      (waiting) => waiting !== this.#busy && isEdition(message, waiting.message),
    );
    if (older !== undefined) {
      older.message = mergeEditions(older.message, message);
      return { waiting: older, dropped: undefined };
    }
    const waiting = { message, since: now, attempts: 0 };
    this.#waiting.push(waiting);
    return { waiting, dropped: this.#waiting.length > this.#most ? this.#makeRoom() : undefined };
  }

  /** The next message; stays in the queue until it is taken out. */
  first(): Waiting | undefined {
    return this.#waiting[0];
  }

  /** Marks the message that is being sent now: it is neither replaced nor dropped. */
  markBusy(waiting: Waiting | undefined): void {
    this.#busy = waiting;
  }

  takeOut(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** @returns the number of messages that waited. */
  clear(): number {
    return this.#waiting.splice(0).length;
  }

  #makeRoom(): Message | undefined {
    const free = this.#waiting.filter((waiting) => waiting !== this.#busy);
    const dropped = free.find(({ message }) => editionOf(message) !== undefined) ?? free[0];
    if (dropped !== undefined) this.takeOut(dropped);
    return dropped?.message;
  }
}

function editionOf({ notice }: Message): 'progress' | 'final' | undefined {
  return isDeployNotice(notice) ? notice.edition : undefined;
}

/** Whether a message is a newer edition of a waiting one. */
function isEdition(message: Message, waiting: Message): boolean {
  return (
    editionOf(message) !== undefined &&
    message.thread === waiting.thread &&
    message.notice.event === waiting.notice.event
  );
}

/** The newer message under the id of the older one; a first edition stays one, with newer numbers. */
function mergeEditions(older: Message, newer: Message): Message {
  const { id } = older;
  if (!isDeployNotice(older.notice) || !isDeployNotice(newer.notice)) return { ...newer, id };
  if (older.notice.edition !== undefined) return { ...newer, id };
  const { edition: _edition, ...notice } = newer.notice;
  return { ...newer, id, notice };
}
