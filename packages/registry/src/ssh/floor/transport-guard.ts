import type { Socket } from 'node:net';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import type { Connection as SshClient } from 'ssh2';
import type { Outbound } from '../../sftp/outbound.js';
import { holdKeyExchange } from './exchange-gate.js';
import { MESSAGE, readChannelOpen, readRequest, readUint32 } from './message.js';
import { insideOf, type Ssh2Inside, type Ssh2Session } from './ssh2-inside.js';

const ALWAYS = [MESSAGE.DISCONNECT, MESSAGE.IGNORE, MESSAGE.UNIMPLEMENTED, MESSAGE.DEBUG];
/** Messages allowed before authentication, as in OpenSSH's dispatch table; a second key exchange is not allowed. */
const BEFORE_AUTHENTICATION: ReadonlySet<number> = new Set([
  ...ALWAYS,
  MESSAGE.SERVICE_REQUEST,
  MESSAGE.EXT_INFO,
  MESSAGE.USERAUTH_REQUEST,
]);
/** Messages passed on after authentication. GLOBAL_REQUEST is answered here; all others are dropped. */
const AFTER_AUTHENTICATION: ReadonlySet<number> = new Set([
  ...ALWAYS,
  MESSAGE.KEXINIT,
  MESSAGE.REQUEST_SUCCESS,
  MESSAGE.REQUEST_FAILURE,
  MESSAGE.CHANNEL_OPEN,
  MESSAGE.CHANNEL_WINDOW_ADJUST,
  MESSAGE.CHANNEL_DATA,
  MESSAGE.CHANNEL_EOF,
  MESSAGE.CHANNEL_CLOSE,
  MESSAGE.CHANNEL_REQUEST,
]);
/**
 * Messages that carry the work itself, or answer our requests. All others are rare: requests, opened channels, changes of a
 * terminal's size.
 */
const WORK: ReadonlySet<number> = new Set([
  MESSAGE.KEXINIT,
  MESSAGE.REQUEST_SUCCESS,
  MESSAGE.REQUEST_FAILURE,
  MESSAGE.CHANNEL_WINDOW_ADJUST,
  MESSAGE.CHANNEL_DATA,
]);
/** Bounds on the messages of one connection that are not work: per second, and at once. */
const OTHERS_PER_SECOND = 200;
const OTHERS_AT_ONCE = 2000;
/** The requests that a session with a running command handles. None of them wants a reply. */
const WHILE_RUNNING: ReadonlySet<string> = new Set(['window-change', 'signal']);

/** Bounds on repeated key exchanges. OpenSSH's client starts one each gigabyte, or by its RekeyLimit. */
const REKEYS_PER_SECOND = 10;
const REKEYS_AT_ONCE = 100;

const RESOURCE_SHORTAGE = 4;
const MAX_WINDOW = 2 ** 32 - 1;

/** The smallest accepted maximum packet size. Real clients have 16 KiB and more; with 0 ssh2 would write for ever. */
const MIN_PACKET_BYTES = 1024;
/** Sessions of one connection that may be closed without having run anything. */
const MAX_UNUSED_SESSIONS = 100;
/**
 * Unsent bytes at which we stop reading from the client. Writers to channels wait long before ({@link Outbound}), so only a
 * client that sends requests and never reads reaches this.
 */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

export interface GuardOptions {
  readonly client: SshClient;
  readonly socket: Socket;
  readonly outbound: Outbound;
  /** How many messages a client may send before authentication. */
  readonly maxMessagesBefore: number;
  /** Signature algorithms for users' keys. */
  readonly signatureAlgorithms: readonly string[];
  /** The time limit for each key exchange after the first. */
  readonly keyExchangeMs: number;
  /** Calls `work` when the turn of this client has come. */
  readonly takeTurn: (work: () => void) => void;
  /** Called when the client broke a rule; its messages are ignored from then on. The callee ends the connection. */
  readonly onViolation: (reason: string) => void;
}

/**
 * Checks the messages of one client before ssh2 gets them, and enforces rules that ssh2's server does not: the messages allowed
 * before authentication, windows, packet sizes, time limits of key exchanges, and no reading from a client that does not read
 * (RFC 4251 to 4254; docs/ssh-floor.md lists the findings).
 *
 * Made when ssh2 has read the client's identification line, and before the first key exchange ends.
 */
export class TransportGuard {
  readonly #options: GuardOptions;
  readonly #inside: Ssh2Inside;
  /** Passes a message on to ssh2. */
  readonly #pass: (payload: Buffer) => unknown;
  readonly #others = new RateLimit({ perSecond: OTHERS_PER_SECOND, burst: OTHERS_AT_ONCE });
  readonly #rekeys = new RateLimit({ perSecond: REKEYS_PER_SECOND, burst: REKEYS_AT_ONCE });
  #messagesBefore = 0;
  #unusedSessions = 0;
  #keyExchange: NodeJS.Timeout | undefined;
  /** Ends the pause of reading from a client that sends too many messages. */
  #slowed: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#inside = insideOf(options.client);
    this.#pass = this.#inside._protocol._onPayload;
  }

  /** Begins to check every message before ssh2 gets it. */
  start(): void {
    const { client, socket, outbound, signatureAlgorithms, takeTurn } = this.#options;
    const protocol = this.#inside._protocol;
    protocol._serverSigAlgs = signatureAlgorithms.join(',');
    protocol._onPayload = (payload) => {
      if (this.#admits(payload)) return this.#pass(payload);
      // Infinity makes ssh2 ignore the rest of the bytes that it has read.
      return this.#isOver ? Number.POSITIVE_INFINITY : undefined;
    };
    holdKeyExchange({ client, takeTurn, onViolation: (reason) => this.#end(reason) });
    client.on('handshake', () => {
      clearTimeout(this.#keyExchange);
      this.#slowDown(this.#rekeys);
    });
    socket.on('data', () => {
      if (socket.writableLength > MAX_UNSENT_BYTES) socket.pause();
    });
    outbound.onChange(() => this.#readOn());
    socket.once('close', () => {
      this.#isOver = true;
      clearTimeout(this.#keyExchange);
      clearTimeout(this.#slowed);
    });
  }

  /** Pauses reading from a client that exceeds a rate of messages. */
  #slowDown(limit: RateLimit): void {
    const { socket } = this.#options;
    const ms = limit.spend(1);
    if (ms === 0 || this.#slowed !== undefined) return;
    socket.pause();
    this.#slowed = setTimeout(() => {
      this.#slowed = undefined;
      this.#readOn();
    }, ms);
  }

  #readOn(): void {
    const { socket } = this.#options;
    if (!this.#isOver && this.#slowed === undefined && socket.writableLength <= MAX_UNSENT_BYTES)
      socket.resume();
  }

  /** Unread bytes from the client, over all channels. */
  get unread(): number {
    let bytes = 0;
    for (const entry of Object.values(this.#inside._chanMgr._channels)) {
      if (entry === undefined || entry === true) continue;
      bytes += ('_chanInfo' in entry ? entry._channel?.readableLength : entry.readableLength) ?? 0;
    }
    return bytes;
  }

  #admits(payload: Buffer): boolean {
    if (this.#isOver) return false;
    const type = payload[0] ?? 0;
    if (!this.#inside.authenticated) return this.#admitsBefore(type);
    if (!WORK.has(type)) this.#slowDown(this.#others);
    if (type === MESSAGE.GLOBAL_REQUEST) return this.#answerGlobalRequest(payload);
    if (!AFTER_AUTHENTICATION.has(type)) return false;
    switch (type) {
      case MESSAGE.KEXINIT:
        return this.#beginKeyExchange();
      case MESSAGE.CHANNEL_OPEN:
        return this.#admitsOpen(payload);
      case MESSAGE.CHANNEL_WINDOW_ADJUST:
        return this.#admitsAdjust(payload);
      case MESSAGE.CHANNEL_DATA:
        return this.#admitsData(payload);
      case MESSAGE.CHANNEL_CLOSE:
        return this.#admitsClose(payload);
      case MESSAGE.CHANNEL_REQUEST:
        return this.#admitsRequest(payload);
      default:
        return true;
    }
  }

  #admitsBefore(type: number): boolean {
    this.#messagesBefore += 1;
    if (this.#messagesBefore > this.#options.maxMessagesBefore)
      return this.#end('too many messages before authentication');
    return (
      BEFORE_AUTHENTICATION.has(type) || this.#end(`message ${type} does not belong before authentication`)
    );
  }

  /** Refuses every global request before ssh2 parses it. */
  #answerGlobalRequest(payload: Buffer): false {
    const request = readRequest(payload, 1);
    if (request === undefined) return this.#end('malformed GLOBAL_REQUEST');
    this.#inside._protocol._onPacket();
    if (request.wantsReply) this.#inside._protocol.requestFailure();
    return false;
  }

  /** Ends a pause of reading, since a key exchange needs the client's messages, and starts its time limit. */
  #beginKeyExchange(): boolean {
    clearTimeout(this.#slowed);
    this.#slowed = undefined;
    this.#readOn();
    clearTimeout(this.#keyExchange);
    this.#keyExchange = setTimeout(
      () => this.#end('a key exchange did not end in time'),
      this.#options.keyExchangeMs,
    );
    return true;
  }

  #admitsOpen(payload: Buffer): boolean {
    const open = readChannelOpen(payload);
    if (open === undefined) return this.#end('malformed CHANNEL_OPEN');
    if (open.maxPacket >= MIN_PACKET_BYTES) return true;
    const reason = `a maximum packet size of at least ${MIN_PACKET_BYTES} is needed`;
    this.#inside._protocol.channelOpenFail(open.sender, RESOURCE_SHORTAGE, reason);
    return false;
  }

  #admitsAdjust(payload: Buffer): boolean {
    const amount = readUint32(payload, 5);
    const outgoing = this.#sessionOf(payload)?._chanInfo.outgoing;
    if (amount === undefined) return this.#end('malformed CHANNEL_WINDOW_ADJUST');
    if (outgoing === undefined) return false;
    return outgoing.window + amount <= MAX_WINDOW || this.#end('a window of more than 2^32 - 1 bytes');
  }

  #admitsData(payload: Buffer): boolean {
    const length = readUint32(payload, 5);
    const session = this.#sessionOf(payload);
    if (length === undefined) return this.#end('malformed CHANNEL_DATA');
    if (session === undefined) return false;
    const { incoming } = session._chanInfo;
    if (incoming.state !== 'open') return this.#end('data after the end of a channel');
    if (length > incoming.window) return this.#end('data beyond the window of a channel');
    if (session._channel !== undefined) return true;
    incoming.window -= length; // the data is dropped, and ssh2 would not count it
    return false;
  }

  /** Answers and removes a session that the client closes before it ran anything; ssh2 does neither. */
  #admitsClose(payload: Buffer): boolean {
    const session = this.#sessionOf(payload);
    if (session === undefined) return false;
    if (session._channel !== undefined) return true;
    const { incoming, outgoing } = session._chanInfo;
    this.#unusedSessions += 1;
    if (this.#unusedSessions > MAX_UNUSED_SESSIONS) return this.#end('too many sessions that ran nothing');
    this.#pass(payload);
    this.#inside._protocol.channelClose(outgoing.id);
    this.#inside._chanMgr.remove(incoming.id);
    return false;
  }

  /**
   * Refuses further requests of a session with a running command, except changes of its terminal and signals (RFC 4254, section
   * 6.5). ssh2 would never answer them.
   */
  #admitsRequest(payload: Buffer): boolean {
    const request = readRequest(payload, 5);
    const session = this.#sessionOf(payload);
    if (request === undefined) return this.#end('malformed CHANNEL_REQUEST');
    if (session === undefined) return false;
    if (session._channel === undefined) return true;
    if (!request.wantsReply) return WHILE_RUNNING.has(request.name);
    this.#inside._protocol.channelFailure(session._chanInfo.outgoing.id);
    return false;
  }

  #sessionOf(payload: Buffer): Ssh2Session | undefined {
    const entry = this.#inside._chanMgr._channels[readUint32(payload, 1) ?? -1];
    return typeof entry === 'object' && '_chanInfo' in entry ? entry : undefined;
  }

  #end(reason: string): false {
    this.#isOver = true;
    clearTimeout(this.#keyExchange);
    this.#options.socket.pause();
    this.#options.onViolation(reason);
    return false;
  }
}
