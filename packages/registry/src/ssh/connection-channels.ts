import type { Session } from 'ssh2';
import { insideOfSession, type Ssh2Channel } from './floor/ssh2-inside.js';
import { SessionPlace } from './session-place.js';
import type { Holder, Shares } from './shares.js';

/** How long a session may run nothing; real clients run something at once. */
const UNUSED_SESSION_MS = 60_000;

export interface ConnectionChannelsOptions {
  /** Sessions in one connection. */
  readonly max: number;
  /** Sessions over all connections. */
  readonly budget: Shares;
  /** Called when a session has run nothing for a minute. */
  readonly onUnused: () => void;
}

/** How long unread bytes of a session that its client has closed are kept for its command. */
const UNREAD_MS = 10_000;

/** The places for sessions in one connection. */
export class ConnectionChannels {
  readonly #options: ConnectionChannelsOptions;
  readonly #places = new Set<SessionPlace>();
  /** Channels that the client has closed while bytes of them were unread. */
  readonly #closed = new Map<Ssh2Channel, NodeJS.Timeout>();

  constructor(options: ConnectionChannelsOptions) {
    this.#options = options;
  }

  /** The bound that allows no more sessions; undefined when there is room, which the caller takes at once. */
  refusal(holder: Holder): string | undefined {
    const { max, budget } = this.#options;
    if (this.#places.size >= max) return `${max} in one connection`;
    const refused = budget.take(holder);
    if (refused === undefined) budget.give(holder);
    return refused;
  }

  take(holder: Holder, session: Session): SessionPlace {
    const { budget, onUnused } = this.#options;
    budget.take(holder);
    const place: SessionPlace = new SessionPlace({
      unusedMs: UNUSED_SESSION_MS,
      onUnused,
      onFree: () => {
        budget.give(holder);
        this.#places.delete(place);
      },
    });
    this.#places.add(place);
    session.once('close', () => {
      place.close();
      const channel = insideOfSession(session)._channel;
      if (channel !== undefined) this.#readToEndAfter(UNREAD_MS, channel);
    });
    return place;
  }

  /** Closes all sessions, after their connection; their commands end by themselves. */
  closeAll(): void {
    for (const place of [...this.#places]) place.close();
    for (const channel of [...this.#closed.keys()]) this.#readToEnd(channel);
  }

  /** Unread bytes of closed sessions, which ssh2 does not count any more. */
  get unread(): number {
    let bytes = 0;
    for (const channel of this.#closed.keys()) bytes += channel.readableLength;
    return bytes;
  }

  /**
   * Discards a channel's unread bytes after a delay. ssh2 reports the close of a channel only when all its bytes are read, and a
   * command that waits for room to reply does not read.
   */
  #readToEndAfter(ms: number, channel: Ssh2Channel): void {
    this.#closed.set(
      channel,
      setTimeout(() => this.#readToEnd(channel), ms),
    );
    channel.once('close', () => this.#forget(channel));
  }

  #readToEnd(channel: Ssh2Channel): void {
    this.#forget(channel);
    while (channel.read() !== null) {
      // Discarded.
    }
  }

  #forget(channel: Ssh2Channel): void {
    clearTimeout(this.#closed.get(channel));
    this.#closed.delete(channel);
  }
}
