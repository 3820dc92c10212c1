import { RateLimit } from '../rate-limit.js';

/** A part of what is waited for in this turn: small enough that a slow rate is an even one. */
const TURNS_A_SECOND = 10;
const SMALLEST_PART = 4096;

interface Waiting {
  readonly owner: object;
  readonly bytes: number;
  readonly go: () => void;
}

/** Bounds the bytes a second that several sessions ask for together, in the order in which they ask. */
export class ByteRate {
  /** Most bytes to ask for at once. */
  readonly part: number;
  readonly #limit: RateLimit;
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds that only grow. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#limit = new RateLimit({ perSecond: bytesPerSecond, now });
    this.part = Math.max(SMALLEST_PART, Math.floor(bytesPerSecond / TURNS_A_SECOND));
  }

  /** Waits until so many bytes may be asked for. @param owner names who asks, for {@link forget}. */
  take(bytes: number, owner: object): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ owner, bytes, go: resolve });
      if (this.#timer === undefined) this.#turn();
    });
  }

  /** Fewer bytes came than were asked for. */
  giveBack(bytes: number): void {
    this.#limit.refund(bytes);
  }

  /** Ends the waits of this owner at once. */
  forget(owner: object): void {
    for (const { go } of this.#waiting.filter((each) => each.owner === owner)) go();
    this.#waiting.splice(
      0,
      Number.POSITIVE_INFINITY,
      ...this.#waiting.filter((each) => each.owner !== owner),
    );
  }

  /** Resolves those whose turn it is, and sets a timer for the others. */
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
