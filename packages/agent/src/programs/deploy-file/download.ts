import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import { showUrl } from '@deploy-tools/sources/objects/show-url.js';
import type { OpenUrl } from '@deploy-tools/sources/opened-object.js';
import type { Timers } from '../../host/timers.js';
import type { Checksum } from './checksum.js';
import { type Retries, withRetries } from './with-retries.js';

export interface Download {
  readonly url: string;
  /** Absolute path of a file that is not there. */
  readonly to: string;
  readonly checksum: Checksum | undefined;
  readonly maxBytesPerSecond: number | undefined;
  readonly retries: Retries;
}

export interface DownloadContext {
  readonly open: OpenUrl;
  readonly timers: Timers;
  readonly log: (line: string) => void;
}

/**
 * Fetches what a URL names into a file. What broke off is continued where it ended, while the object stays the same; what
 * turns out to have a wrong checksum is fetched anew.
 * @throws DeployError corrupt: the checksum is wrong; those of OpenUrl; no-space; cancelled.
 */
export async function download(
  request: Download,
  context: DownloadContext,
  signal: AbortSignal,
): Promise<void> {
  const { url, to, checksum, retries } = request;
  const begun = context.timers.now();
  const file = await openFile(to, 'wx', 0o600);
  try {
    const state: Progress = { offset: 0, validator: undefined, hash: hashOf(checksum) };
    const attempt = async (until: AbortSignal): Promise<void> => {
      await transfer(request, context, { file, state, signal: until });
      if (checksum !== undefined) verify(checksum, state, url);
    };
    await withRetries(`fetching ${showUrl(url)}`, attempt, { ...retries, ...context, signal });
    const ms = context.timers.now() - begun;
    const rate = formatByteSize((state.offset * 1000) / Math.max(ms, 1));
    const took = formatDuration(Math.round(ms));
    context.log(`fetched ${state.offset} bytes in ${took}, ${rate}/s`);
  } finally {
    await file.close();
  }
}

interface Progress {
  /** Bytes that are written and hashed. */
  offset: number;
  validator: string | undefined;
  hash: Hash;
}

interface Target {
  readonly file: FileHandle;
  readonly state: Progress;
  readonly signal: AbortSignal;
}

async function transfer(
  { url, to, checksum, maxBytesPerSecond }: Download,
  { open, timers }: DownloadContext,
  { file, state, signal }: Target,
): Promise<void> {
  const opened = await open(url, { offset: state.offset, validator: state.validator }, signal);
  if (opened.offset === 0) await restart(file, state, checksum);
  state.validator = opened.validator;
  const limit =
    maxBytesPerSecond === undefined
      ? undefined
      : new RateLimit({ perSecond: maxBytesPerSecond, now: () => timers.now() });
  const pieces = opened.body[Symbol.asyncIterator]();
  try {
    if (opened.size !== undefined) await checkSpace(dirname(to), opened.size - state.offset, 'the download');
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
      await writeFully(file, piece.value, state.offset);
      state.hash.update(piece.value);
      state.offset += piece.value.length;
      const waitMs = limit?.spend(piece.value.length) ?? 0;
      if (waitMs > 0) await timers.sleep(waitMs, signal);
    }
  } catch (error) {
    throw toDeployError(error);
  } finally {
    await pieces.return?.();
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

async function restart(file: FileHandle, state: Progress, checksum: Checksum | undefined): Promise<void> {
  await file.truncate(0);
  state.offset = 0;
  state.hash = hashOf(checksum);
}

function hashOf(checksum: Checksum | undefined): Hash {
  return createHash(checksum?.algorithm ?? 'sha256');
}

/** After a mismatch nothing of it is to be continued. */
function verify(checksum: Checksum, state: Progress, url: string): void {
  const found = state.hash.digest('hex');
  if (found === checksum.hex) return;
  const { offset } = state;
  state.offset = 0;
  state.validator = undefined;
  throw new DeployError(
    'corrupt',
    `${showUrl(url)} has ${offset} bytes with the ${checksum.algorithm} checksum ${found}, not ${checksum.hex}`,
    { hint: 'check that the manifest and what it names belong together' },
  );
}

/** What a small object holds. @throws DeployError too-large; those of OpenUrl. */
export async function fetchSmall(
  { url, maxBytes }: { readonly url: string; readonly maxBytes: number },
  open: OpenUrl,
  signal: AbortSignal,
): Promise<Buffer> {
  const { body } = await open(url, { offset: 0 }, signal);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > maxBytes)
      throw new DeployError('too-large', `${showUrl(url)} is larger than ${formatByteSize(maxBytes)}`);
  }
  return Buffer.concat(pieces);
}
