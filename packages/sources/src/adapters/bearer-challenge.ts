import { DeployError } from '@deploy-tools/shared/errors.js';
import { showUrl } from '../objects/show-url.js';

const PARAMETER = /([a-z_]+)="([^"]*)"/gi;

/**
 * Reads `WWW-Authenticate: Bearer realm="…",service="…",scope="…"` (Docker's token specification). The token service may
 * be another host, as Docker's is. It gets the registry's user name and password, so it has to be encrypted or local.
 * @returns the URL that gives a token; undefined for another kind of challenge.
 * @throws DeployError denied, for a realm that is not encrypted and not on this host.
 */
export function bearerChallenge(header: string): string | undefined {
  const rest = /^\s*bearer\s+(.*)$/is.exec(header)?.[1];
  if (rest === undefined) return undefined;
  const parameters = new Map(
    [...rest.matchAll(PARAMETER)].map(([, name = '', value = '']) => [name.toLowerCase(), value]),
  );
  const realm = parameters.get('realm') ?? '';
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.protocol === 'http:' && !isOnThisHost(url.hostname))
    throw new DeployError('denied', `the token service ${showUrl(realm)} is not encrypted`, {
      hint: 'name and password are not sent to it; the registry has to name one by https',
    });
  for (const name of ['service', 'scope']) {
    const value = parameters.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** Whether a host is this one, where container tools use http. */
export function isOnThisHost(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}
