import { RateLimit } from '../rate-limit.js';

/** Requests a second at the least, so that data arrives evenly at a slow rate. */
const TURNS_A_SECOND = 10;
const SMALLEST_PART = 4096;

interface Waiting {
  readonly owner: object;
  readonly bytes: number;
  readonly go: () => void;
}

/** Bounds the bytes a second that several sessions request together. Sessions are served in the order of their requests. */
export class ByteRate {
  /** The most bytes to request at once. */
  readonly part: number;
  readonly #limit: RateLimit;
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds that only grow. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#limit = new RateLimit({ perSecond: bytesPerSecond, now });
    this.part = Math.max(SMALLEST_PART, Math.floor(bytesPerSecond / TURNS_A_SECOND));
  }

  /** Waits until this many bytes may be requested. @param owner the session, for {@link forget}. */
  take(bytes: number, owner: object): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ owner, bytes, go: resolve });
      if (this.#timer === undefined) this.#turn();
    });
  }

  /** Returns the part of a request that was not delivered. */
  giveBack(bytes: number): void {
    this.#limit.refund(bytes);
  }

  /** Ends all waits of this owner at once. */
  forget(owner: object): void {
    for (const { go } of this.#waiting.filter((each) => each.owner === owner)) go();
    this.#waiting.splice(
      0,
      Number.POSITIVE_INFINITY,
      ...this.#waiting.filter((each) => each.owner !== owner),
    );
  }

  /** Serves waiting requests until the rate is reached, then sets a timer for the others. */
  #turn(): void {
    this.#timer = undefined;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const debtMs = this.#limit.debtMs();
      if (debtMs > 0) {
        this.#timer = setTimeout(() => this.#turn(), debtMs);
        return;
      }
      this.#waiting.shift();
      this.#limit.spend(first.bytes);
      first.go();
    }
  }
}
