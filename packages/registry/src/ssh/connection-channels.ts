import type { Session } from 'ssh2';
import { insideOfSession } from './floor/ssh2-inside.js';
import { SessionPlace } from './session-place.js';
import type { Holder, Shares } from './shares.js';

/** A session that was opened runs something by then; real clients ask at once. */
const UNUSED_SESSION_MS = 60_000;

export interface ConnectionChannelsOptions {
  /** In one connection. */
  readonly most: number;
  /** Over all connections. */
  readonly budget: Shares;
  /** Nothing was run in a session for a minute. */
  readonly onUnused: () => void;
}

/** For so long what a session's client sent before it closed it may be read. */
const UNREAD_MS = 10_000;

/**
 * ssh2 says that a channel is closed when all that came by it has been read, and who waits for room to reply does not read: what is
 * left is read to its end then, so that the work ends.
 */
function readToEndAfter(ms: number, session: Session): void {
  const channel = insideOfSession(session)._channel;
  if (channel === undefined) return;
  const timer = setTimeout(() => {
    while (channel.read() !== null) {
      // It is for nobody.
    }
  }, ms);
  channel.once('close', () => clearTimeout(timer));
}

/** The places for sessions in one connection. */
export class ConnectionChannels {
  readonly #options: ConnectionChannelsOptions;
  readonly #places = new Set<SessionPlace>();

  constructor(options: ConnectionChannelsOptions) {
    this.#options = options;
  }

  /** Which bound does not allow one more; undefined when it may be taken, which has to be done at once. */
  refusal(holder: Holder): string | undefined {
    const { most, budget } = this.#options;
    if (this.#places.size >= most) return `${most} in one connection`;
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
      readToEndAfter(UNREAD_MS, session);
    });
    return place;
  }

  /** The connection is closed, and with it all sessions; what they run ends by itself. */
  closeAll(): void {
    for (const place of [...this.#places]) place.close();
  }
}
