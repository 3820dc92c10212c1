/** SSH message numbers (RFC 4250, section 4.1.2). */
export const MESSAGE = {
  DISCONNECT: 1,
  IGNORE: 2,
  UNIMPLEMENTED: 3,
  DEBUG: 4,
  SERVICE_REQUEST: 5,
  EXT_INFO: 7,
  KEXINIT: 20,
  USERAUTH_REQUEST: 50,
  GLOBAL_REQUEST: 80,
  REQUEST_SUCCESS: 81,
  REQUEST_FAILURE: 82,
  CHANNEL_OPEN: 90,
  CHANNEL_WINDOW_ADJUST: 93,
  CHANNEL_DATA: 94,
  CHANNEL_EOF: 96,
  CHANNEL_CLOSE: 97,
  CHANNEL_REQUEST: 98,
} as const;

/** The name of a global or channel request, and whether it wants a reply. */
export interface Request {
  readonly name: string;
  readonly wantsReply: boolean;
}

/** @param at offset of the name's length. @returns undefined when the message is too short. */
export function readRequest(payload: Buffer, at: number): Request | undefined {
  const length = readUint32(payload, at);
  if (length === undefined || at + 4 + length >= payload.length) return undefined;
  const end = at + 4 + length;
  return { name: payload.toString('latin1', at + 4, end), wantsReply: payload[end] !== 0 };
}

/** The fields of CHANNEL_OPEN after its type (RFC 4254, section 5.1). */
export interface ChannelOpen {
  readonly sender: number;
  readonly window: number;
  readonly maxPacket: number;
}

/** @returns undefined when the message is too short. */
export function readChannelOpen(payload: Buffer): ChannelOpen | undefined {
  const length = readUint32(payload, 1);
  if (length === undefined || payload.length < 5 + length + 12) return undefined;
  const at = 5 + length;
  return {
    sender: payload.readUInt32BE(at),
    window: payload.readUInt32BE(at + 4),
    maxPacket: payload.readUInt32BE(at + 8),
  };
}

/** @returns undefined when the message is too short. */
export function readUint32(payload: Buffer, at: number): number | undefined {
  return payload.length < at + 4 ? undefined : payload.readUInt32BE(at);
}
