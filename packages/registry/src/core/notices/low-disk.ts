import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { ByteStore } from '../../layers/byte-store.js';
import { type Clock, timestamp } from '../clock.js';
import type { RegistryLimits } from '../limits.js';
import type { Notifier } from './notifier.js';

/** The disk is low below this multiple of the reserve: uploads are still taken. */
const LOW_RESERVES = 2;
/** A disk that was low has recovered from this multiple of the reserve on. */
const ENOUGH_RESERVES = 3;

export interface LowDiskPorts {
  readonly bytes: Pick<ByteStore, 'freeBytes' | 'place'>;
  readonly limits: Pick<RegistryLimits, 'minFree'>;
  readonly notices: Pick<Notifier, 'notify'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes one notice when the disk is nearly full, before uploads are refused, and one of its recovery. A restart repeats them. */
export class LowDisk {
  readonly #ports: LowDiskPorts;
  #isLow = false;
  #running: Promise<void> | undefined;

  constructor(ports: LowDiskPorts) {
    this.#ports = ports;
  }

  /** Compares the free space with the reserve. */
  check(): Promise<void> {
    this.#running ??= this.#check()
      .catch((error: unknown) =>
        this.#ports.log.error({ err: describeError(error) }, 'the free space of the disk cannot be read'),
      )
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #check(): Promise<void> {
    const { bytes, limits, log, notices } = this.#ports;
    const free = await bytes.freeBytes();
    const reserve = limits.minFree;
    const isLow = free < (this.#isLow ? ENOUGH_RESERVES : LOW_RESERVES) * reserve;
    if (isLow === this.#isLow) return;
    this.#isLow = isLow;
    const about = { place: bytes.place, free: formatByteSize(free), reserve: formatByteSize(reserve) };
    if (isLow) log.warn(about, "the registry's disk is nearly full: below the reserve uploads are refused");
    else log.info(about, "the registry's disk has room again");
    const event = isLow ? 'disk-low' : 'disk-recovered';
    notices.notify({ event, time: timestamp(this.#ports.clock), place: bytes.place, free, reserve });
  }
}
