import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { type Registry, timestamp } from '../registry.js';

/** Below so many times the reserve the disk is low: uploads are still taken. */
const LOW = 2;
/** From so many times the reserve it is not any more; in between nothing is told. */
const ENOUGH = 3;

type Told = Pick<Registry, 'bytes' | 'limits' | 'clock' | 'notices' | 'log'>;

/** Tells of a disk that is getting full, before uploads are refused, and of its end; once each, after a restart again. */
export class LowDisk {
  readonly #registry: Told;
  #isLow = false;
  #running: Promise<void> | undefined;

  constructor(registry: Told) {
    this.#registry = registry;
  }

  /** Compares the free space with the reserve. */
  look(): Promise<void> {
    this.#running ??= this.#look()
      .catch((error: unknown) =>
        this.#registry.log.error({ err: describeError(error) }, 'the free space of the disk cannot be read'),
      )
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #look(): Promise<void> {
    const { bytes, limits, log, notices } = this.#registry;
    const free = await bytes.freeBytes();
    const reserve = limits.minFree;
    const isLow = free < (this.#isLow ? ENOUGH : LOW) * reserve;
    if (isLow === this.#isLow) return;
    this.#isLow = isLow;
    const about = { place: bytes.place, free: formatByteSize(free), reserve: formatByteSize(reserve) };
    if (isLow) log.warn(about, "the registry's disk is nearly full: below the reserve uploads are refused");
    else log.info(about, "the registry's disk has room again");
    const event = isLow ? 'disk-low' : 'disk-recovered';
    notices.tell({ event, time: timestamp(this.#registry), place: bytes.place, free, reserve });
  }
}
