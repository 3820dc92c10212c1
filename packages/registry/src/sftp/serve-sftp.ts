import { setImmediate } from 'node:timers/promises';
import { DeployError, describeError, sftpStatusOf } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketSplitter } from '@deploy-tools/shared/sftp/packet-splitter.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { LIMITS_EXTENSION, PACKET, SFTP_VERSION, STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import type { ServerChannel } from 'ssh2';
import type { Outbound } from './outbound.js';
import { replyBytes, statusReply } from './replies.js';
import { ReplyQueue } from './reply-queue.js';
import { type Handles, RequestHandler } from './request-handler.js';
import type { SftpFiles, TransferCounter } from './sftp-files.js';
import type { TransferMemory } from './transfer-memory.js';

/** How long one session may run before other work has a turn. */
const SLICE_MS = 5;

/**
 * Lets other work run between the requests of one session. Most requests need no waiting, and one read from the socket may contain
 * thousands.
 */
class TimeSlice {
  #began = 0;

  /** Awaited before each request. */
  async take(): Promise<void> {
    const now = performance.now();
    if (now - this.#began < SLICE_MS) return;
    await setImmediate();
    this.#began = performance.now();
  }
}

/** Memory for each byte of a request, in bytes: the encrypted and the decrypted form. */
const COPIES_IN = 2;

/** The parts of the connection and the process that an SFTP session uses. */
export interface SftpSurroundings {
  readonly outbound: Outbound;
  /** The handles that its key may open. */
  readonly handles: Handles;
  readonly log: Logger;
  readonly transfers: TransferCounter;
  readonly memory: TransferMemory;
}

/**
 * Serves SFTP version 3 (draft-ietf-secsh-filexfer-02) on a raw subsystem channel until the client ends it. Requests are handled
 * concurrently, within bounds. Replies leave in request order, because some clients need that. When the client stops reading, we
 * stop too.
 * @returns the exit status that was sent: 0, or 1 after a protocol error.
 */
export async function serveSftp(
  channel: ServerChannel,
  files: SftpFiles,
  { outbound, handles, log, transfers, memory }: SftpSurroundings,
): Promise<number> {
  const gone = new AbortController();
  const onGone = () => gone.abort();
  channel.on('close', onGone);
  const ignoreOutbound = outbound.onChange(() => {
    if (outbound.closed) onGone();
  });
  const handler = new RequestHandler({ files, handles, gone: gone.signal, memory });
  // When the registry stops, requests of a session without an open file need no answer.
  const forgetStop = transfers.onStop(() => {
    if (!handler.hasOpenFiles) onGone();
  });
  const replies = new ReplyQueue(channel, { outbound, transfers, packets: memory.packets });
  let status = 0;
  try {
    await serve(channel, { handler, replies, memory, transfers, gone: gone.signal });
    if (!gone.signal.aborted) await replies.flushed();
  } catch (error) {
    status = 1;
    log.warn({ err: describeError(error) }, 'sftp session ended by an error');
    if (!gone.signal.aborted) channel.stderr.write(`SFTP: ${describeError(error)}\n`);
  } finally {
    replies.close();
    await handler.abandonAll();
    channel.off('close', onGone);
    ignoreOutbound();
    forgetStop();
  }
  channel.exit(status);
  channel.end();
  return status;
}

interface Serving {
  readonly handler: RequestHandler;
  readonly replies: ReplyQueue;
  readonly memory: TransferMemory;
  readonly transfers: TransferCounter;
  readonly gone: AbortSignal;
}

async function serve(
  channel: ServerChannel,
  { handler, replies, memory: { spent, packets }, transfers, gone }: Serving,
): Promise<void> {
  const slice = new TimeSlice();
  const splitter = new PacketSplitter((length) => packets.take(length));
  let greeted = false;
  for await (const chunk of chunksOf(channel, transfers, () => handler.hasOpenFiles)) {
    spent.add(COPIES_IN * chunk.length);
    for (const packet of splitter.push(chunk)) {
      if (!greeted) {
        replies.add({ request: packet.length, reply: 0 }, Promise.resolve(greeting(packet)));
        greeted = true;
        continue;
      }
      await slice.take();
      if (gone.aborted) return;
      const cost = { request: packet.length, reply: replyBytes(packet) };
      if (!(await replies.room(cost))) return; // the client has left
      spent.add(cost.reply);
      replies.add(
        cost,
        answer(handler, packet).finally(() => packets.give(packet)),
      );
    }
  }
  if (!splitter.atBoundary)
    throw new DeployError('connect', 'the client closed the channel in the middle of a packet');
}

/**
 * Reads the channel's data until its end or its close. During a shutdown of the registry, it ends when no file is open.
 */
async function* chunksOf(
  channel: ServerChannel,
  transfers: TransferCounter,
  hasOpenFiles: () => boolean,
): AsyncGenerator<Buffer, void, undefined> {
  let ended = false;
  let stopping = false;
  let wake = () => {};
  const end = () => {
    ended = true;
    wake();
  };
  const readable = () => wake();
  channel.on('readable', readable).on('end', end).on('close', end);
  const forgetStop = transfers.onStop(() => {
    stopping = true;
    wake();
  });
  try {
    while (!stopping || hasOpenFiles()) {
      const chunk = channel.read() as Buffer | null;
      if (chunk !== null) {
        yield chunk;
        continue;
      }
      if (ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    forgetStop();
    channel.off('readable', readable).off('end', end).off('close', end);
  }
}

function greeting(packet: Buffer): Buffer {
  if (packet[0] !== PACKET.INIT) throw new DeployError('corrupt', 'the client does not begin with INIT');
  new PacketReader(packet, 1).uint32();
  return new PacketWriter(PACKET.VERSION).uint32(SFTP_VERSION).string(LIMITS_EXTENSION).string('1').finish();
}

/** Makes the reply to one request; any error becomes a STATUS. */
async function answer(handler: RequestHandler, packet: Buffer): Promise<Buffer> {
  const id = new PacketReader(packet, 1).uint32();
  try {
    return await handler.handle(packet, id);
  } catch (error) {
    const code =
      error instanceof DeployError && error.kind === 'corrupt' ? STATUS.BAD_MESSAGE : sftpStatusOf(error);
    return statusReply(id, code, describeError(error));
  }
}
