import type { IncomingMessage } from 'node:http';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ObjectContext, OpenedObject, OpenFrom } from '../opened-object.js';
import { httpError } from './http-errors.js';
import { httpGet } from './http-request.js';
import { objectBody } from './object-body.js';
import { showUrl } from './show-url.js';

/** Opens `http://…` and `https://…`; continues by Range and If-Range (RFC 9110, sections 13 and 14). @see OpenUrl */
export async function openHttp(
  url: URL,
  from: OpenFrom,
  signal: AbortSignal,
  context: ObjectContext,
): Promise<OpenedObject> {
  const { headerTimeoutMs } = context;
  const get: ObjectGet['get'] = (range, part) => {
    const headers = { 'accept-encoding': 'identity', ...range, ...ifRange(part) };
    return httpGet(url, { headers, headerTimeoutMs, signal });
  };
  return await openByGet({ label: showUrl(url.href), context, get, validatorOf }, from, signal);
}

/** An object that GET requests read. */
export interface ObjectGet {
  /** The URL without secrets. */
  readonly label: string;
  readonly context: ObjectContext;
  /** @param range the header for the part; empty for the whole object. */
  readonly get: (range: Readonly<Record<string, string>>, from: OpenFrom) => Promise<IncomingMessage>;
  /** The validator that an answer contains. */
  readonly validatorOf: (response: IncomingMessage) => string | undefined;
}

/** Opens an object at an offset, or at its beginning when it has changed or is shorter than the offset. @see OpenUrl */
export async function openByGet(
  object: ObjectGet,
  from: OpenFrom,
  signal: AbortSignal,
): Promise<OpenedObject> {
  const range = from.offset > 0 ? { range: `bytes=${from.offset}-` } : {};
  const response = await object.get(range, from);
  return (
    openedResponse(response, object, { from, signal }) ?? (await openByGet(object, { offset: 0 }, signal))
  );
}

/** The header that makes a range depend on the validator. */
export function ifRange({ offset, validator }: OpenFrom): Readonly<Record<string, string>> {
  return offset > 0 && validator !== undefined ? { 'if-range': validator } : {};
}

/**
 * Opens the body of an answer.
 * @returns undefined when the object has to be read from its beginning.
 * @throws DeployError; the connection is closed then.
 */
function openedResponse(
  response: IncomingMessage,
  { label, context, validatorOf }: ObjectGet,
  { from, signal }: { readonly from: OpenFrom; readonly signal: AbortSignal },
): OpenedObject | undefined {
  const validator = validatorOf(response);
  const status = response.statusCode ?? 0;
  const range = contentRange(response.headers['content-range']);
  const open = (offset: number, bytes: number | undefined, size: number | undefined): OpenedObject => ({
    size,
    validator,
    offset,
    body: objectBody(response, { label, idleMs: context.idleTimeoutMs, bytes, signal }),
  });
  const length = lengthOf(response);
  if (status === 200) return open(0, length, length);
  if (status === 206 && range?.first === from.offset && from.offset > 0) {
    const isOther = from.validator !== undefined && validator !== undefined && validator !== from.validator;
    const { size } = range;
    if (!isOther) return open(from.offset, size === undefined ? length : size - from.offset, size);
  }
  response.destroy();
  if (from.offset > 0 && [206, 412, 416].includes(status)) return undefined;
  if (status === 206)
    throw new DeployError('invalid', `${label} answered with a part that was not asked for`);
  throw httpError(label, status, response.headers['retry-after']);
}

/** The validator for If-Range: a strong entity tag, or the time of change. */
export function validatorOf({ headers }: IncomingMessage): string | undefined {
  const { etag } = headers;
  return etag?.startsWith('"') === true ? etag : headers['last-modified'];
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** Reads `bytes 5-9/10`, `bytes 5-9/*`. */
export function contentRange(
  text: string | undefined,
): { readonly first: number; readonly size: number | undefined } | undefined {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(text ?? '');
  if (match === null) return undefined;
  return { first: Number(match[1]), size: match[2] === '*' ? undefined : Number(match[2]) };
}
