import { DeployError } from '@deploy-tools/shared/errors.js';

/** A URL for messages: without user name, password and query, which may hold a signature. */
export function showUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return url.replace(/\?.*$/s, '').replace(/\/\/[^/@]*@/, '//');
  const { protocol, host, pathname } = parsed;
  return `${protocol}//${host}${pathname}`;
}

/**
 * Reads bucket and key of `s3://bucket/key` and `gs://bucket/object`; decodes percent escapes in the key.
 * @throws DeployError invalid.
 */
export function bucketAndKey(url: URL): { readonly bucket: string; readonly key: string } {
  const key = decoded(url.pathname.slice(1));
  if (url.host !== '' && key !== undefined && key !== '') return { bucket: url.host, key };
  throw new DeployError('invalid', `${showUrl(url.href)} names no object`, {
    hint: `write it as ${url.protocol}//BUCKET/KEY`,
  });
}

/** Decodes percent escapes; undefined when they are malformed. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
