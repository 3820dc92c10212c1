import type { OpenedObject, OpenFrom } from '../opened-object.js';
import { googleAccess, googleUrl } from './google-access.js';
import { openedResponse } from './http-object.js';
import { httpGet } from './http-request.js';
import type { ObjectContext, OpenKind } from './object-context.js';
import { bucketAndKey, showUrl } from './show-url.js';

/**
 * Opens `gs://bucket/object` by Google's JSON API, as stored: an object that Google holds compressed comes compressed. With
 * STORAGE_EMULATOR_HOST there, and without credentials; else as googleAccess says. @see OpenUrl
 */
export function googleStorage(context: ObjectContext): OpenKind {
  const access = googleAccess(context.environment);
  return async (url, from, signal) => {
    const path = mediaPath(url);
    const { endpoint, headers } = await access(url);
    const opening = { label: showUrl(url.href), headers, context };
    return await openAt(googleUrl(endpoint, path), opening, from, signal);
  };
}

interface Opening {
  readonly label: string;
  /** With the credentials. */
  readonly headers: Readonly<Record<string, string>>;
  readonly context: ObjectContext;
}

async function openAt(
  media: URL,
  opening: Opening,
  from: OpenFrom,
  signal: AbortSignal,
): Promise<OpenedObject> {
  const { label, context } = opening;
  // Accepting gzip keeps Google from unpacking what is stored compressed: checksums are of what is stored.
  const headers: Record<string, string> = { ...opening.headers, 'accept-encoding': 'gzip' };
  const at = new URL(media);
  if (from.offset > 0) {
    headers.range = `bytes=${from.offset}-`;
    if (from.validator !== undefined) at.searchParams.set('ifGenerationMatch', from.validator);
  }
  const response = await httpGet(at, { headers, headerTimeoutMs: context.headerTimeoutMs, signal });
  const generation = response.headers['x-goog-generation'];
  const validator = typeof generation === 'string' ? generation : undefined;
  const opened = openedResponse(response, { from, signal, context, label, validator });
  return opened ?? (await openAt(media, opening, { offset: 0 }, signal));
}

/** @throws DeployError invalid. */
function mediaPath(url: URL): string {
  const { bucket, key } = bucketAndKey(url);
  return `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}?alt=media`;
}
