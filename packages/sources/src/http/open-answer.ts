import { DeployError } from '@deploy-tools/shared/errors.js';
import type { OpenedObject, OpenFrom } from '../opened-object.js';
import { httpBody } from './http-body.js';

/**
 * Opens what a GET gives, from an offset where the server can (RFC 9110, section 14).
 * @param get sends the request with these headers; what is neither 2xx nor 416 it throws.
 * @param idleMs how long nothing may arrive.
 */
export async function openAnswer(
  get: (headers: Readonly<Record<string, string>>) => Promise<Response>,
  from: OpenFrom,
  idleMs: number,
  signal: AbortSignal,
): Promise<OpenedObject> {
  const first = await get(from.offset > 0 ? rangeHeaders(from) : {});
  if (first.status === 416) await first.body?.cancel();
  const response = first.status === 416 ? await get({}) : first;
  const range = response.status === 206 ? contentRange(response) : undefined;
  const length = numberOf(response.headers.get('content-length'));
  return {
    size: range === undefined ? length : range.size,
    validator: response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined,
    offset: range?.offset ?? 0,
    body: httpBody(response, idleMs, signal),
  };
}

/** A weak ETag says nothing of bytes, so it cannot go on with them. */
function rangeHeaders({ offset, validator }: OpenFrom): Record<string, string> {
  if (validator?.startsWith('W/')) return {};
  return { range: `bytes=${offset}-`, ...(validator === undefined ? {} : { 'if-range': validator }) };
}

function contentRange(response: Response): { readonly offset: number; readonly size: number | undefined } {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(
    response.headers.get('content-range') ?? '',
  );
  if (match === null) throw new DeployError('corrupt', 'the server sends a part and does not say which');
  return { offset: Number(match[1]), size: numberOf(match[2] ?? null) };
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
