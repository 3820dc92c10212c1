import { isDeployNotice } from './notice.js';
import type { Message } from './receiver.js';

/** A message that waits. */
export interface Waiting {
  message: Message;
  /** In milliseconds of the clock. */
  readonly since: number;
  attempts: number;
}

/**
 * What one receiver has not been sent yet, oldest first, bounded. A newer edition takes the place of an older one of
 * the same thread and event; when there is no room, newer editions go first, then the oldest.
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

  /** @returns what waits now, and what had to make room for it, which will never be sent. */
  add(message: Message, now: number): { readonly waiting: Waiting; readonly dropped: Message | undefined } {
    const older = this.#waiting.find(
      (waiting) => waiting !== this.#busy && isEdition(message, waiting.message),
    );
    if (older !== undefined) {
      older.message = merged(older.message, message);
      return { waiting: older, dropped: undefined };
    }
    const waiting = { message, since: now, attempts: 0 };
    this.#waiting.push(waiting);
    return { waiting, dropped: this.#waiting.length > this.#most ? this.#makeRoom() : undefined };
  }

  /** What is next; stays in the queue until it is taken out. */
  first(): Waiting | undefined {
    return this.#waiting[0];
  }

  /** Marks what is being sent right now: it is not replaced meanwhile. */
  busy(waiting: Waiting | undefined): void {
    this.#busy = waiting;
  }

  takeOut(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** @returns how many there were. */
  clear(): number {
    return this.#waiting.splice(0).length;
  }

  #makeRoom(): Message | undefined {
    const free = this.#waiting.filter((waiting) => waiting !== this.#busy);
    const goes = free.find(({ message }) => editionOf(message) !== undefined) ?? free[0];
    if (goes === undefined) return undefined;
    this.takeOut(goes);
    return goes.message;
  }
}

function editionOf({ notice }: Message): 'progress' | 'final' | undefined {
  return isDeployNotice(notice) ? notice.edition : undefined;
}

/** Whether a message tells what a waiting one tells, with newer numbers. */
function isEdition(message: Message, waiting: Message): boolean {
  return (
    editionOf(message) !== undefined &&
    message.thread === waiting.thread &&
    message.notice.event === waiting.notice.event
  );
}

/** The newer one by the name of the older one; in the place of the older one. */
function merged(older: Message, newer: Message): Message {
  const { id } = older;
  if (!isDeployNotice(older.notice) || !isDeployNotice(newer.notice)) return { ...newer, id };
  if (older.notice.edition !== undefined) return { ...newer, id };
  const { edition: _edition, ...notice } = newer.notice;
  return { ...newer, id, notice };
}
