import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { GoogleAuth } from 'google-auth-library';
import { showUrl } from './show-url.js';

const ENDPOINT = 'https://storage.googleapis.com';
const SCOPES = 'https://www.googleapis.com/auth/devstorage';

/** The server of Google Cloud Storage, and the headers of each request. */
interface GoogleAccess {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Finds server and credentials for a `gs://` URL. STORAGE_EMULATOR_HOST gets no credentials; else these are the application
 * default ones, for CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE or the URL's `?endpoint=`. The latter has to be Google's: the
 * author of a URL must not choose who gets the token. Google's library is loaded when it is first needed.
 * @throws by its result DeployError denied, connect, invalid.
 */
export function googleAccess(
  environment: Readonly<Record<string, string | undefined>>,
  scope: 'read_only' | 'read_write' = 'read_only',
): (url: URL) => Promise<GoogleAccess> {
  let auth: Promise<GoogleAuth> | undefined;
  const credentials = async (label: string): Promise<Record<string, string>> => {
    // Naming a project spares looking one up; objects need none.
    auth ??= import('google-auth-library').then(
      ({ GoogleAuth }) => new GoogleAuth({ scopes: `${SCOPES}.${scope}`, projectId: 'none' }),
    );
    return await authorization(await auth, label);
  };
  return async (url) => {
    const emulator = environment.STORAGE_EMULATOR_HOST;
    if (emulator !== undefined && emulator !== '') return { endpoint: withScheme(emulator), headers: {} };
    const label = showUrl(url.href);
    const named = url.searchParams.get('endpoint') ?? undefined;
    if (named !== undefined) requireGoogle(label, named);
    const endpoint = named ?? (environment.CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE || ENDPOINT);
    return { endpoint, headers: await credentials(label) };
  };
}

/** The URL of a path of Google's JSON API. @throws DeployError invalid. */
export function googleUrl(endpoint: string, path: string): URL {
  if (URL.canParse(path, endpoint)) return new URL(path, endpoint);
  throw new DeployError('invalid', `"${endpoint}" is no address of a server`, {
    hint: 'write it as http://HOST:PORT',
  });
}

/** @throws DeployError denied. */
function requireGoogle(label: string, endpoint: string): void {
  const { protocol, hostname } = googleUrl(endpoint, '/');
  if (protocol === 'https:' && hostname.endsWith('.googleapis.com')) return;
  throw new DeployError('denied', `${label} names "${endpoint}", which would receive a Google token`, {
    hint: 'name another server by CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE or STORAGE_EMULATOR_HOST in the environment',
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
