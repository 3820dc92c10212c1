/** Where a token is asked for, with what for. */
export interface BearerChallenge {
  readonly url: string;
}

const PARAMETER = /([a-z_]+)="([^"]*)"/gi;

/**
 * Reads `WWW-Authenticate: Bearer realm="…",service="…",scope="…"` (Docker's token specification).
 * @returns undefined for anything else.
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
  for (const name of ['service', 'scope']) {
    const value = parameters.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return { url: url.href };
}
