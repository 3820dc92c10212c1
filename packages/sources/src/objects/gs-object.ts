import type { IncomingMessage } from 'node:http';
import type { ObjectContext, OpenKind } from '../opened-object.js';
import { googleAccess, googleUrl } from './google-access.js';
import { openByGet } from './http-object.js';
import { httpGet } from './http-request.js';
import { bucketAndKey, showUrl } from './show-url.js';

/**
 * Opens `gs://bucket/object` by Google's JSON API, at the server and with the credentials of {@link googleAccess}. An object that
 * is stored compressed comes compressed. @see OpenUrl
 */
export function googleStorage(context: ObjectContext): OpenKind {
  const access = googleAccess(context.environment);
  return async (url, from, signal) => {
    const { bucket, key } = bucketAndKey(url);
    const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}?alt=media`;
    const { endpoint, headers: credentials } = await access(url);
    const media = googleUrl(endpoint, path);
    const object = {
      label: showUrl(url.href),
      context,
      get: (range: Readonly<Record<string, string>>, { offset, validator }: typeof from) => {
        const at = new URL(media);
        if (offset > 0 && validator !== undefined) at.searchParams.set('ifGenerationMatch', validator);
        // Accepting gzip keeps Google from unpacking compressed objects: checksums are of the stored bytes.
        const headers = { ...credentials, 'accept-encoding': 'gzip', ...range };
        return httpGet(at, { headers, headerTimeoutMs: context.headerTimeoutMs, signal });
      },
      validatorOf: generationOf,
    };
    return await openByGet(object, from, signal);
  };
}

function generationOf({ headers }: IncomingMessage): string | undefined {
  const generation = headers['x-goog-generation'];
  return typeof generation === 'string' ? generation : undefined;
}
