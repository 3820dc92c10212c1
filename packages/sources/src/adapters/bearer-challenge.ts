import { DeployError } from '@deploy-tools/shared/errors.js';
import { showUrl } from '../objects/show-url.js';

/** Where a token is asked for, with what for. */
export interface BearerChallenge {
  readonly url: string;
}

const PARAMETER = /([a-z_]+)="([^"]*)"/gi;

/**
 * Reads `WWW-Authenticate: Bearer realm="…",service="…",scope="…"` (Docker's token specification). The token service may be
 * another host, as Docker's own is; name and password of the registry go there, and so never unencrypted over a network.
 * @returns undefined for anything else.
 * @throws DeployError denied, for a realm that is not encrypted and not on this host.
 */
export function bearerChallenge(header: string): BearerChallenge | undefined {
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
  return { url: url.href };
}

/** Registries and token services here are spoken to by http, as container tools do. */
export function isOnThisHost(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}
