// An SSH client that says whatever it likes: ssh2's client does the key exchange and the authentication, and then its insides are
// used to send messages that no honest client would.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import ssh2 from 'ssh2';

/** SSH message numbers (RFC 4250, section 4.1.2). */
export const MESSAGE = {
  IGNORE: 2,
  KEXINIT: 20,
  KEX_ECDH_INIT: 30,
  GLOBAL_REQUEST: 80,
  REQUEST_FAILURE: 82,
  CHANNEL_OPEN: 90,
  CHANNEL_OPEN_CONFIRMATION: 91,
  CHANNEL_OPEN_FAILURE: 92,
  CHANNEL_WINDOW_ADJUST: 93,
  CHANNEL_DATA: 94,
  CHANNEL_CLOSE: 97,
  CHANNEL_REQUEST: 98,
  CHANNEL_SUCCESS: 99,
  CHANNEL_FAILURE: 100,
};

/** What the messages of one client are made of. */
export function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function string(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

export function message(type, ...parts) {
  return Buffer.concat([Buffer.from([type]), ...parts]);
}

export function openSession(number, { window = 2 ** 21, maxPacket = 32_768 } = {}) {
  return message(MESSAGE.CHANNEL_OPEN, string('session'), uint32(number), uint32(window), uint32(maxPacket));
}

export function channelRequest(theirs, name, ...data) {
  return message(MESSAGE.CHANNEL_REQUEST, uint32(theirs), string(name), Buffer.from([1]), ...data);
}

export function channelData(theirs, bytes) {
  return message(MESSAGE.CHANNEL_DATA, uint32(theirs), uint32(bytes.length), bytes);
}

/** The greeting and the key exchange (or several) of a client that never computes anything: the same bytes for each connection. */
export async function blindKeyExchange(times = 1) {
  const { ml_kem768 } = await import('@noble/post-quantum/ml-kem.js');
  const { publicKey } = generateKeyPairSync('x25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const both = Buffer.concat([ml_kem768.keygen().publicKey, raw]);
  const lists = ['mlkem768x25519-sha256', 'ssh-ed25519'];
  for (const list of ['aes128-ctr', 'hmac-sha2-256-etm@openssh.com', 'none']) lists.push(list, list);
  const offer = Buffer.concat([
    randomBytes(16),
    ...lists.map(string),
    string(''),
    string(''),
    Buffer.alloc(5),
  ]);
  return Buffer.concat([
    Buffer.from('SSH-2.0-x\r\n'),
    packet(message(MESSAGE.KEXINIT, offer)),
    ...Array.from({ length: times }, () => packet(message(MESSAGE.KEX_ECDH_INIT, string(both)))),
  ]);
}

/** A packet as it is before keys are agreed on (RFC 4253, section 6). */
function packet(payload) {
  const padding = 4 + ((8 - ((4 + 1 + payload.length + 4) % 8)) % 8);
  return Buffer.concat([
    uint32(1 + payload.length + padding),
    Buffer.from([padding]),
    payload,
    Buffer.alloc(padding),
  ]);
}

/**
 * Connects; with a key it authenticates, without one it stays a stranger.
 * @param {{ host: string, port: number, user?: string, keyPath?: string, localAddress?: string, cipher?: string }} options
 */
export async function hostileClient({ host, port, user = 'x', keyPath, localAddress, cipher }) {
  const socket = connect({ host, port, ...(localAddress && { localAddress }) });
  const client = new ssh2.Client();
  const received = new Map();
  const waiting = [];
  let isClosed = false;
  let sent = 0;
  const closed = new Promise((resolve) => {
    socket.once('close', () => {
      isClosed = true;
      resolve();
      for (const wake of waiting.splice(0)) wake();
    });
  });
  socket.on('error', () => {});
  await new Promise((resolve, reject) => {
    client.on('error', reject);
    client.once(keyPath ? 'ready' : 'handshake', resolve);
    client.connect({
      sock: socket,
      username: user,
      keepaliveInterval: 0,
      ...(cipher && { algorithms: { cipher: [cipher] } }),
      ...(keyPath ? { privateKey: readFileSync(keyPath) } : { authHandler: () => {} }),
    });
  });
  client.on('error', () => {});
  const protocol = client._protocol;
  // Nothing of what comes is for ssh2 any more.
  const ignore =
    (type) =>
    (_protocol, ...fields) => {
      received.set(type, [...(received.get(type) ?? []), fields]);
      for (const wake of waiting.splice(0)) wake();
    };
  for (const [type, number] of Object.entries(MESSAGE)) {
    if (number !== MESSAGE.KEXINIT && number !== MESSAGE.KEX_ECDH_INIT)
      protocol._handlers[type] = ignore(type);
  }

  const send = (payload) => {
    const writer = protocol._packetRW.write;
    const at = writer.allocStart;
    const packet = writer.alloc(payload.length);
    packet.set(payload, at);
    protocol._cipher.encrypt(writer.finalize(packet));
  };
  return {
    socket,
    client,
    protocol,
    closed,
    get isClosed() {
      return isClosed;
    },
    /** Sends a message as it is. */
    send,
    /** Sends all of them in one write. */
    sendTogether(...payloads) {
      socket.cork();
      for (const payload of payloads) send(payload);
      socket.uncork();
    },
    /** Sends, and waits until the kernel has taken it or the connection is over. @returns whether it still stands. */
    async sendSlowly(payload) {
      if (isClosed || socket.destroyed) return false;
      send(payload);
      sent += 1;
      if (sent % 100 === 0) await new Promise(setImmediate); // what comes is seen, too
      if (socket.writableLength > 1024 * 1024) {
        await Promise.race([closed, new Promise((resolve) => socket.once('drain', resolve))]);
      }
      return !isClosed;
    },
    /** What came of one type: the fields that ssh2 reads, in order. */
    received: (type) => received.get(type) ?? [],
    /** Resolves when so many of that type have come, or the connection is over. */
    async until(type, count = 1) {
      while (!isClosed && (received.get(type)?.length ?? 0) < count) {
        await new Promise((resolve) => waiting.push(resolve));
      }
      return !isClosed;
    },
    /** Opens a session and runs a command or a subsystem in it. @returns the registry's number of the channel. */
    async open(request, value, parameters = {}) {
      const before = received.get('CHANNEL_OPEN_CONFIRMATION')?.length ?? 0;
      send(openSession(before, parameters));
      await this.until('CHANNEL_OPEN_CONFIRMATION', before + 1);
      const theirs = received.get('CHANNEL_OPEN_CONFIRMATION')?.[before]?.[0]?.sender;
      if (theirs !== undefined) send(channelRequest(theirs, request, string(value)));
      return theirs;
    },
    destroy: () => socket.destroy(),
  };
}
