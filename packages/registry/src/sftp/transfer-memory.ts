import { SpentBuffers } from '@deploy-tools/shared/host/spent-buffers.js';
import { PacketPool } from '@deploy-tools/shared/sftp/packet-pool.js';

/** What keeps the memory of all SFTP sessions of the process small: one for all, as sessions stay open when idle. */
export interface TransferMemory {
  /** Of what libraries allocate for data that passes. */
  readonly spent: SpentBuffers;
  /** Of large requests and replies. */
  readonly packets: PacketPool;
}

export function openTransferMemory(): TransferMemory {
  return { spent: new SpentBuffers(), packets: new PacketPool() };
}
