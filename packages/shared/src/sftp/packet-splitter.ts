import { DeployError } from '../errors.js';
import { MAX_PACKET } from './protocol.js';

/**
 * Splits a byte stream into SFTP packets: a length (uint32) and that many bytes. Holds at most one incomplete packet.
 */
export class PacketSplitter {
  readonly #allocate: (length: number) => Buffer;
  readonly #head = Buffer.allocUnsafe(4);
  #headLength = 0;
  #packet: Buffer | undefined;
  #packetLength = 0;

  /** @param allocate returns memory of exactly this length, for a packet that arrives in pieces. */
  constructor(allocate: (length: number) => Buffer = Buffer.allocUnsafe) {
    this.#allocate = allocate;
  }

  /**
   * Feeds a chunk and returns the packets that it completes, without their length field. A packet may be a view into
   * the chunk.
   * @throws DeployError corrupt when a packet is empty or longer than {@link MAX_PACKET}.
   */
  push(chunk: Buffer): Buffer[] {
    const packets: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#packet === undefined) {
        const take = Math.min(4 - this.#headLength, chunk.length - at);
        chunk.copy(this.#head, this.#headLength, at, at + take);
        this.#headLength += take;
        at += take;
        if (this.#headLength < 4) break;
        const length = checkedLength(this.#head.readUInt32BE(0));
        this.#headLength = 0;
        if (chunk.length - at >= length) {
          packets.push(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#packet = this.#allocate(length);
        this.#packetLength = 0;
      }
      const take = Math.min(this.#packet.length - this.#packetLength, chunk.length - at);
      chunk.copy(this.#packet, this.#packetLength, at, at + take);
      this.#packetLength += take;
      at += take;
      if (this.#packetLength === this.#packet.length) {
        packets.push(this.#packet);
        this.#packet = undefined;
      }
    }
    return packets;
  }

  /** Whether the stream could end here. */
  get atBoundary(): boolean {
    return this.#packet === undefined && this.#headLength === 0;
  }
}

function checkedLength(length: number): number {
  if (length === 0 || length > MAX_PACKET) {
    throw new DeployError(
      'corrupt',
      `SFTP packet of ${length} bytes; between 1 and ${MAX_PACKET} are allowed`,
    );
  }
  return length;
}
