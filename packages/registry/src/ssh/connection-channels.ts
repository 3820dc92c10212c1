import type { Session } from 'ssh2';
import { insideOfSession, type Ssh2Channel } from './floor/ssh2-inside.js';
import { SessionPlace } from './session-place.js';
import type { Holder, Shares } from './shares.js';

/** A session that was opened runs something by then; real clients ask at once. */
const UNUSED_SESSION_MS = 60_000;

export interface ConnectionChannelsOptions {
  /** In one connection. */
  readonly max: number;
  /** Over all connections. */
  readonly budget: Shares;
  /** Nothing was run in a session for a minute. */
  readonly onUnused: () => void;
}

/** For so long what a session's client sent before it closed it may be read. */
const UNREAD_MS = 10_000;

/** The places for sessions in one connection. */
export class ConnectionChannels {
  readonly #options: ConnectionChannelsOptions;
  readonly #places = new Set<SessionPlace>();
  /** Closed by the client, with something that was not read yet. */
  readonly #closed = new Map<Ssh2Channel, NodeJS.Timeout>();

  constructor(options: ConnectionChannelsOptions) {
    this.#options = options;
  }

  /** Which bound does not allow one more; undefined when it may be taken, which has to be done at once. */
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

  /** The connection is closed, and with it all sessions; what they run ends by itself. */
  closeAll(): void {
    for (const place of [...this.#places]) place.close();
    for (const channel of [...this.#closed.keys()]) this.#readToEnd(channel);
  }

  /** Bytes of sessions that the client has closed, which ssh2 does not know any more. */
  get unread(): number {
    let bytes = 0;
    for (const channel of this.#closed.keys()) bytes += channel.readableLength;
    return bytes;
  }

  /**
   * ssh2 says that a channel is closed when all that came by it has been read, and work that waits for room to reply does not
   * read: the rest is read to its end then, so that the work ends.
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
