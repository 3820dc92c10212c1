import { DeployError } from '@deploy-tools/shared/errors.js';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Splits `host:port`, `[v6]:port`, `:port` or `host`.
 * @throws DeployError usage.
 */
export function parseListenAddress(text: string, defaultPort: number): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (match === null || port > 65_535) {
    throw new DeployError('usage', `invalid address "${text}"`, {
      hint: 'write it as host:port or [v6 address]:port',
    });
  }
  return { host: match[1] ?? match[2] ?? '', port };
}
