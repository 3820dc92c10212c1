import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { GoogleAuth } from 'google-auth-library';
import type { OpenedObject, OpenFrom } from '../opened-object.js';
import { openedResponse } from './http-object.js';
import { httpGet } from './http-request.js';
import type { ObjectContext, OpenKind } from './object-context.js';
import { bucketAndKey, showUrl } from './show-url.js';

/** Objects are in no project; one that is named is not looked up. */
const OPTIONS = { scopes: 'https://www.googleapis.com/auth/devstorage.read_only', projectId: 'none' };
const ENDPOINT = 'https://storage.googleapis.com';

/**
 * Opens `gs://bucket/object` by Google's JSON API, as stored: an object that Google holds compressed comes compressed. With
 * STORAGE_EMULATOR_HOST there, and without credentials; else with the application default credentials, at `?endpoint=`
 * where the URL has one. @see OpenUrl
 */
export function googleStorage(context: ObjectContext): OpenKind {
  let auth: Promise<GoogleAuth> | undefined;
  const credentials = async (label: string): Promise<Record<string, string>> => {
    auth ??= import('google-auth-library').then(({ GoogleAuth }) => new GoogleAuth(OPTIONS));
    return await authorization(await auth, label);
  };
  return async (url, from, signal) => {
    const emulator = context.environment.STORAGE_EMULATOR_HOST;
    const isEmulated = emulator !== undefined && emulator !== '';
    const endpoint = isEmulated ? withScheme(emulator) : (url.searchParams.get('endpoint') ?? ENDPOINT);
    const label = showUrl(url.href);
    const media = mediaUrl(endpoint, url);
    const headers = isEmulated ? {} : await credentials(label);
    return await openAt(media, { label, headers, context }, from, signal);
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

function mediaUrl(endpoint: string, url: URL): URL {
  const { bucket, key } = bucketAndKey(url);
  const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}?alt=media`;
  if (URL.canParse(path, endpoint)) return new URL(path, endpoint);
  throw new DeployError('invalid', `"${endpoint}" is no address of a server`, {
    hint: 'write it as http://HOST:PORT',
  });
}

function withScheme(host: string): string {
  return host.includes('://') ? host : `http://${host}`;
}

async function authorization(auth: GoogleAuth, label: string): Promise<Record<string, string>> {
  try {
    const token = await auth.getAccessToken();
    if (token !== null && token !== undefined) return { authorization: `Bearer ${token}` };
    throw new Error('there is no token');
  } catch (error) {
    const { kind, message } = toDeployError(error);
    throw new DeployError(kind === 'connect' ? kind : 'denied', `no credentials for ${label}: ${message}`, {
      hint: 'set GOOGLE_APPLICATION_CREDENTIALS, or run on a machine that has a service account',
      cause: error,
    });
  }
}
