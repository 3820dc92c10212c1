import { SpentBuffers } from '@deploy-tools/shared/host/spent-buffers.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { PacketPool } from '@deploy-tools/shared/sftp/packet-pool.js';

/** Listings made at once: while one waits for the disk, another can go on. */
const LISTINGS_AT_ONCE = 2;

/** Bounds the memory of all SFTP sessions of the process together, as idle sessions stay open. */
export interface TransferMemory {
  /** Frees the buffers that libraries allocate for passing data. */
  readonly spent: SpentBuffers;
  /** Memory of large requests and replies. */
  readonly packets: PacketPool;
  /** Limits the listings that are being made: each is completely in memory. */
  readonly listings: Turns;
}

export function openTransferMemory(): TransferMemory {
  return { spent: new SpentBuffers(), packets: new PacketPool(), listings: new Turns(LISTINGS_AT_ONCE) };
}
