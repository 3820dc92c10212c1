import { SpentBuffers } from '@deploy-tools/shared/host/spent-buffers.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { PacketPool } from '@deploy-tools/shared/sftp/packet-pool.js';

/** One that waits for the disk need not keep others. */
const LISTINGS_AT_ONCE = 2;

/** What keeps the memory of all SFTP sessions of the process small: one for all, as sessions stay open when idle. */
export interface TransferMemory {
  /** Frees what libraries allocate for data that passes. */
  readonly spent: SpentBuffers;
  /** Memory of large requests and replies. */
  readonly packets: PacketPool;
  /** Limits listings that are being made: each is whole in memory. */
  readonly listings: Turns;
}

export function openTransferMemory(): TransferMemory {
  return { spent: new SpentBuffers(), packets: new PacketPool(), listings: new Turns(LISTINGS_AT_ONCE) };
}
