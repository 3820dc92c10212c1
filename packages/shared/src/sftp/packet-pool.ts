import { MAX_PACKET } from './protocol.js';

/** Packets below this size are not reused. */
const SMALLEST = 64 * 1024;
/** Enough for the packets of one window. */
const MAX_SPARE_PACKETS = 20;

/**
 * Reuses the memory of large packets. A download has hundreds of them a second. The garbage collector hardly counts memory
 * outside of its heap, and would let tens of megabytes pile up.
 */
export class PacketPool {
  readonly #spare: Buffer[] = [];

  /** Memory for a packet of that many bytes, with old content. */
  take(length: number): Buffer {
    if (length < SMALLEST || length > MAX_PACKET) return Buffer.allocUnsafe(length);
    return (this.#spare.pop() ?? Buffer.allocUnsafeSlow(MAX_PACKET)).subarray(0, length);
  }

  /** Takes back the memory of an unused packet or part of a packet; ignores memory from elsewhere. */
  give(part: Buffer): void {
    if (part.buffer.byteLength !== MAX_PACKET || this.#spare.length >= MAX_SPARE_PACKETS) return;
    this.#spare.push(Buffer.from(part.buffer));
  }
}
