import type { Socket } from 'node:net';
import type { Session, Connection as SshClient } from 'ssh2';
import type { Outbound } from '../../sftp/outbound.js';

/**
 * The undocumented parts of ssh2 1.17 that the floor uses: lib/server.js (Client, Session), lib/Channel.js, lib/utils.js
 * (ChannelManager) and lib/protocol/Protocol.js. test/ssh/floor/ssh2-inside.test.ts fails when one of these files changes.
 */
export interface Ssh2Inside {
  readonly authenticated: boolean;
  readonly _protocol: Ssh2Protocol;
  /** The socket of the client. */
  readonly _sock: Socket;
  readonly _chanMgr: {
    /** By our number of the channel; true while it is being opened. */
    readonly _channels: Readonly<Record<number, Ssh2Session | Ssh2Channel | true | undefined>>;
    remove(channel: number): void;
  };
}

export interface Ssh2Protocol {
  /** Gets each message of the first key exchange and before; replaced when keys are agreed on. */
  readonly _decipher: { _onPayload: (payload: Buffer) => unknown };
  /** Gets each decrypted message, except those of a running key exchange. */
  _onPayload: (payload: Buffer) => unknown;
  /** Counts as a sign of life. */
  readonly _onPacket: () => void;
  /** Ours (tools/ssh2-hunks.mjs): the signature algorithms for users' keys that EXT_INFO lists, comma-separated. */
  _serverSigAlgs?: string;
  /** Our KEXINIT during a key exchange, else undefined. */
  readonly _kexinit: Buffer | undefined;
  disconnect(reason: number): void;
  requestFailure(): void;
  channelOpenFail(channel: number, reason: number, description: string): void;
  channelFailure(channel: number): void;
  channelClose(channel: number): void;
}

/** A session channel; `_channel` comes with its first shell, exec or subsystem. */
export interface Ssh2Session {
  readonly _chanInfo: { readonly incoming: Ssh2Way; readonly outgoing: Ssh2Way };
  readonly _channel: Ssh2Channel | undefined;
}

export interface Ssh2Channel {
  readonly incoming: Ssh2Way;
  readonly outgoing: Ssh2Way;
  /** Received bytes that nobody has read. */
  readonly readableLength: number;
  read(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

export interface Ssh2Way {
  /** The channel's number: the peer's for the outgoing direction, ours for the incoming one. */
  readonly id: number;
  window: number;
  readonly state: string;
}

export function insideOfSession(session: Session): Ssh2Session {
  return session as unknown as Ssh2Session;
}

export function insideOf(client: SshClient): Ssh2Inside {
  return client as unknown as Ssh2Inside;
}

/** The {@link Outbound} of a connection of ssh2. */
export function outboundOf(client: SshClient, socket: Socket): Outbound {
  const protocol = insideOf(client)._protocol;
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of [...listeners]) listener();
  };
  socket.on('drain', notify).on('close', notify);
  client.on('handshake', notify);
  return {
    get waiting() {
      return protocol._kexinit === undefined ? socket.writableLength : Number.POSITIVE_INFINITY;
    },
    get closed() {
      return socket.destroyed;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
