import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ByteStore } from '../layers/byte-store.js';

/** Bytes that all uploads together may write between two checks of the free space. */
const CHECK_EVERY_BYTES = 32 * 1024 * 1024;

type Disk = Pick<ByteStore, 'freeBytes' | 'place'>;

/**
 * The disk space of all uploads in progress. Together they leave the reserve free, except for CHECK_EVERY_BYTES and the writes of
 * the moment.
 */
export class DiskSpace {
  readonly #disk: Disk;
  readonly #reserve: number;
  /** Bytes written since the last check that found enough space. */
  #unchecked = 0;
  /** Bytes of holes in uploads, which clients have still to write. */
  #owed = 0;

  /** @param reserve bytes that must stay free. */
  constructor(disk: Disk, reserve: number) {
    this.#disk = disk;
    this.#reserve = reserve;
  }

  /** @throws DeployError no-space when there is no room for this many more bytes. */
  async require(bytes: number): Promise<void> {
    await requireSpace(this.#disk, this.#reserve, { bytes: this.#owed + bytes, purpose: 'for uploads' });
  }

  /**
   * Counts a write of an upload.
   * @param growth bytes by which the file grows, or the length of the write, whichever is more.
   * @param owed bytes by which the holes of the upload grew, negative when they shrank.
   * @throws DeployError no-space; every further call fails too, until there is room again.
   */
  async write(growth: number, owed: number): Promise<void> {
    this.#owed += owed;
    this.#unchecked += growth;
    if (this.#unchecked < CHECK_EVERY_BYTES) return;
    const checked = this.#unchecked;
    await this.require(0);
    this.#unchecked = Math.max(0, this.#unchecked - checked); // another upload may have run a check meanwhile
  }

  /** Forgets the holes of an upload that has ended. */
  settle(owed: number): void {
    this.#owed -= owed;
  }
}

/** A need of disk space. */
export interface SpaceNeed {
  readonly bytes: number;
  /** For the message, such as `for uploads`. */
  readonly purpose: string;
}

/** @param reserve bytes that must stay free. @throws DeployError no-space. */
export async function requireSpace(
  disk: Disk,
  reserve: number,
  { bytes, purpose }: SpaceNeed,
): Promise<void> {
  const free = await disk.freeBytes();
  if (free - bytes >= reserve) return;
  throw new DeployError(
    'no-space',
    `the registry's disk has ${formatByteSize(free)} left at ${disk.place}, too little ${purpose} and the reserve of ${formatByteSize(reserve)}`,
    { hint: 'free some space there, for example by gc; -min-free of the registry sets the reserve' },
  );
}
