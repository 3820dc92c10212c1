import type { Socket } from 'node:net';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Peer } from './connection.js';
import { ConnectionLimits } from './connection-limits.js';
import { ExchangeTurns } from './exchange-turns.js';
import { PacedWarnings } from './paced-warnings.js';
import { networkOf, plainAddress } from './peer-address.js';
import { Strangers } from './strangers.js';

export interface DoorOptions {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Connections at once that have not authenticated. */
  readonly maxStrangers: number;
  readonly handshakeMs: number;
}

/** The part of a {@link Peer} that the door knows. */
export type GreetedPeer = Pick<Peer, 'address' | 'port' | 'handshakeMs' | 'onAuthenticated' | 'takeTurn'>;

interface Greeting {
  readonly timer: NodeJS.Timeout;
  /** In milliseconds of performance.now(). */
  readonly opened: number;
  readonly peer: Omit<GreetedPeer, 'handshakeMs'>;
}

/** The place of one connection among all places. */
interface Place {
  /** Called when the client has authenticated: the place is no stranger's any more. */
  readonly authenticated: () => void;
  readonly free: () => void;
}

/** The turns of one connection, for one piece of work at a time. */
interface Turn {
  readonly take: (work: () => void) => void;
  /** Drops work whose turn has not come. */
  readonly forget: () => void;
}

/** Decides whether and when a new connection is served. */
export class Door {
  readonly #options: DoorOptions;
  readonly #log: Logger;
  readonly #limits: ConnectionLimits;
  readonly #strangers: Strangers;
  readonly #turns = new ExchangeTurns();
  readonly #warnings: PacedWarnings;
  /** Accepted connections whose peer has not sent its identification line yet. */
  readonly #greetings = new Map<Socket, Greeting>();

  constructor(options: DoorOptions, log: Logger) {
    const { maxConnections, maxConnectionsPerAddress, maxStrangers } = options;
    this.#options = options;
    this.#log = log;
    this.#limits = new ConnectionLimits(maxConnections, maxConnectionsPerAddress);
    this.#strangers = new Strangers(Math.min(maxStrangers, maxConnections));
    this.#warnings = new PacedWarnings(log);
  }

  /**
   * Serves a connection when its turn comes. When all places are taken, a stranger loses its place, so that strangers cannot hold
   * all places.
   */
  admit(socket: Socket, serve: () => void): void {
    const { remoteAddress, remotePort: port } = socket;
    if (remoteAddress === undefined || port === undefined) {
      socket.destroy(); // the peer has left
      return;
    }
    const address = plainAddress(remoteAddress);
    const network = networkOf(address);
    if (this.#limits.isFull) this.#strangers.dropOne();
    const refused = this.#limits.take(network);
    if (refused !== undefined) {
      this.#warnings.warn({ address, limit: refused }, 'connection refused: limit reached');
      socket.destroy();
      return;
    }
    const place = this.#enter(socket, address, network);
    const turn = this.#turnOf(network);
    const timer = setTimeout(() => {
      this.#log.warn({ address }, 'connection ended: no SSH greeting in time');
      socket.destroy();
    }, this.#options.handshakeMs);
    const peer = { address, port, onAuthenticated: place.authenticated, takeTurn: turn.take };
    this.#greetings.set(socket, { timer, opened: performance.now(), peer });
    socket.once('close', () => {
      clearTimeout(timer);
      turn.forget();
      place.free();
      this.#greetings.delete(socket);
    });
    socket.on('error', () => undefined); // ssh2 listens once it has the socket
    turn.take(serve);
  }

  /** To be called when the peer's identification line has come. @returns undefined when the peer has left. */
  greet(socket: Socket): GreetedPeer | undefined {
    const greeting = this.#greetings.get(socket);
    this.#greetings.delete(socket);
    if (greeting === undefined || socket.destroyed) return undefined;
    clearTimeout(greeting.timer);
    const left = this.#options.handshakeMs - (performance.now() - greeting.opened);
    return { ...greeting.peer, handshakeMs: Math.max(1, left) };
  }

  /** Ends the connections that have not sent their identification line. */
  dropGreetings(): void {
    for (const socket of [...this.#greetings.keys()]) socket.destroy();
  }

  close(): void {
    this.#warnings.close();
  }

  /** Counts a connection as a stranger's, until it has authenticated or is closed. */
  #enter(socket: Socket, address: string, network: string): Place {
    let hasPlace = true;
    const givePlace = () => {
      if (hasPlace) this.#limits.give(network);
      hasPlace = false;
    };
    const leave = this.#strangers.enter(network, () => {
      givePlace();
      this.#warnings.warn(
        { address },
        'connection dropped before authentication: another one takes its place (-max-startups)',
      );
      socket.destroy();
    });
    return {
      authenticated: leave,
      free: () => {
        leave();
        givePlace();
      },
    };
  }

  #turnOf(network: string): Turn {
    let forgetTurn = () => {};
    return {
      take: (work) => {
        forgetTurn = this.#turns.take(network, () => {
          forgetTurn = () => {}; // frees the memory of the work
          work();
        });
      },
      forget: () => forgetTurn(),
    };
  }
}
