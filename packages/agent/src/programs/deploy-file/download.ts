import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import { readBody } from '@deploy-tools/sources/objects/object-body.js';
import { showUrl } from '@deploy-tools/sources/objects/show-url.js';
import type { OpenUrl } from '@deploy-tools/sources/opened-object.js';
import type { Checksum } from './deploy-file.js';
import { type RetryContext, withRetries } from './with-retries.js';

interface Download {
  readonly url: string;
  /** Absolute path of a file that does not exist. */
  readonly to: string;
  readonly checksum: Checksum | undefined;
  readonly maxBytesPerSecond: number | undefined;
}

export interface FetchContext extends RetryContext {
  readonly open: OpenUrl;
}

/**
 * Downloads the object of a URL into a file. A retry continues where the attempt before it ended, while the object stays the
 * same; after a wrong checksum it begins anew.
 * @throws DeployError corrupt: the checksum is wrong; those of OpenUrl; no-space; cancelled.
 */
export async function download(request: Download, context: FetchContext): Promise<void> {
  const { url, to, checksum } = request;
  const { timers, log } = context;
  const begun = timers.now();
  const file = await openFile(to, 'wx', 0o600);
  try {
    const state: Progress = { offset: 0, validator: undefined, hash: hashOf(checksum) };
    const attempt = async (signal: AbortSignal): Promise<void> => {
      await transfer(request, { ...context, signal }, { file, state });
      if (checksum !== undefined) verify(checksum, state, url);
    };
    await withRetries(`fetching ${showUrl(url)}`, attempt, context);
    const ms = timers.now() - begun;
    const rate = formatByteSize((state.offset * 1000) / Math.max(ms, 1));
    log(`fetched ${state.offset} bytes in ${formatDuration(Math.round(ms))}, ${rate}/s`);
  } finally {
    await file.close();
  }
}

interface Progress {
  /** How many bytes are written and hashed. */
  offset: number;
  validator: string | undefined;
  hash: Hash;
}

async function transfer(
  { url, to, checksum, maxBytesPerSecond }: Download,
  { open, timers, signal }: FetchContext,
  { file, state }: { readonly file: FileHandle; readonly state: Progress },
): Promise<void> {
  const opened = await open(url, { offset: state.offset, validator: state.validator }, signal);
  if (opened.offset === 0) {
    await file.truncate(0);
    state.offset = 0;
    state.hash = hashOf(checksum);
  }
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

function hashOf(checksum: Checksum | undefined): Hash {
  return createHash(checksum?.algorithm ?? 'sha256');
}

/** @throws DeployError corrupt, after which the next attempt begins anew. */
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

/** Fetches the content of a small object. @throws DeployError too-large; timeout; those of OpenUrl. */
export async function fetchSmall(url: string, maxBytes: number, context: FetchContext): Promise<Buffer> {
  const label = showUrl(url);
  const attempt = async (signal: AbortSignal) => {
    const { body } = await context.open(url, { offset: 0 }, signal);
    return await readBody(body, maxBytes, label);
  };
  return await withRetries(`fetching ${label}`, attempt, context);
}
