import type { IncomingMessage } from 'node:http';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { OpenedObject, OpenFrom } from '../opened-object.js';
import { httpError } from './http-errors.js';
import { httpGet } from './http-request.js';
import { objectBody } from './object-body.js';
import type { ObjectContext } from './object-context.js';
import { showUrl } from './show-url.js';

/** Opens `http://…` and `https://…`; continues by Range and If-Range (RFC 9110, sections 13 and 14). @see OpenUrl */
export async function openHttp(
  url: URL,
  from: OpenFrom,
  signal: AbortSignal,
  context: ObjectContext,
): Promise<OpenedObject> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (from.offset > 0) {
    headers.range = `bytes=${from.offset}-`;
    if (from.validator !== undefined) headers['if-range'] = from.validator;
  }
  const response = await httpGet(url, { headers, headerTimeoutMs: context.headerTimeoutMs, signal });
  const opened = openedResponse(response, {
    ...{ from, signal, context, label: showUrl(url.href) },
    validator: validatorOf(response),
  });
  return opened ?? (await openHttp(url, { offset: 0 }, signal, context));
}

export interface Answered {
  readonly from: OpenFrom;
  readonly signal: AbortSignal;
  readonly context: ObjectContext;
  /** The URL without secrets. */
  readonly label: string;
  /** That the answer tells. */
  readonly validator: string | undefined;
}

/**
 * What an answer to a GET, perhaps of a range, has opened.
 * @returns undefined when the object is to be read from its beginning: it has changed, or is shorter than the offset.
 * @throws DeployError; the connection is closed then.
 */
export function openedResponse(response: IncomingMessage, answered: Answered): OpenedObject | undefined {
  const { from, signal, context, label, validator } = answered;
  const status = response.statusCode ?? 0;
  const range = contentRange(response.headers['content-range']);
  const open = (offset: number, bytes: number | undefined, size: number | undefined): OpenedObject => ({
    ...{ size, validator, offset },
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
  if (status === 206) throw new DeployError('invalid', `${label} answered with a part that nobody asked for`);
  throw httpError(label, status, response.headers['retry-after']);
}

/** A strong entity tag, or the time of change: what If-Range takes. */
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
