import { DeployError } from '@deploy-tools/shared/errors.js';

/** A URL for logs and people: without name and password, and without what signs a query. */
export function showUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return url.replace(/\?.*$/s, '').replace(/\/\/[^/@]*@/, '//');
  const { protocol, host, pathname } = parsed;
  return `${protocol}//${host}${pathname}`;
}

/**
 * Bucket and key of `s3://bucket/key` and `gs://bucket/object`; percent escapes in the key are undone.
 * @throws DeployError invalid.
 */
export function bucketAndKey(url: URL): { readonly bucket: string; readonly key: string } {
  const key = decoded(url.pathname.slice(1));
  if (url.host !== '' && key !== undefined && key !== '') return { bucket: url.host, key };
  throw new DeployError('invalid', `${showUrl(url.href)} names no object`, {
    hint: `write it as ${url.protocol}//BUCKET/KEY`,
  });
}

/** Percent escapes undone; undefined when they are none. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
