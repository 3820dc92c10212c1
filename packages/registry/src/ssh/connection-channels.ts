import type { Session } from 'ssh2';
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
    session.once('close', () => place.close());
    return place;
  }

  /** The connection is closed, and with it all sessions; what they run ends by itself. */
  closeAll(): void {
    for (const place of [...this.#places]) place.close();
  }
}
