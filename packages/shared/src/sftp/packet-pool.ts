import { MAX_PACKET } from './protocol.js';

/** Smaller packets are not worth keeping. */
const SMALLEST = 64 * 1024;
/** Enough for the packets of one window. */
const MAX_SPARE_PACKETS = 20;

/**
 * Memory of large packets, used again. A download makes hundreds of them a second, and the garbage collector, which
 * hardly sees memory outside of its heap, would let tens of megabytes pile up.
 */
export class PacketPool {
  readonly #spare: Buffer[] = [];

  /** Memory for a packet of that many bytes, with old content. */
  take(length: number): Buffer {
    if (length < SMALLEST || length > MAX_PACKET) return Buffer.allocUnsafe(length);
    return (this.#spare.pop() ?? Buffer.allocUnsafeSlow(MAX_PACKET)).subarray(0, length);
  }

  /** Gives back the memory of a packet, or of a part of one, that nobody uses any more; ignores what is not of here. */
  give(part: Buffer): void {
    if (part.buffer.byteLength !== MAX_PACKET || this.#spare.length >= MAX_SPARE_PACKETS) return;
    this.#spare.push(Buffer.from(part.buffer));
  }
}
