import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { PACKET } from '@deploy-tools/shared/sftp/protocol.js';

/** A STATUS packet: request id, SSH_FX_* code, text for people. */
export function statusReply(id: number, code: number, text: string): Buffer {
  return new PacketWriter(PACKET.STATUS).uint32(id).uint32(code).string(text).string('en').finish();
}
