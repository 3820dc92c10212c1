import type { Speaker } from '../core/fleet/presence.js';
import type { Principal } from '../core/principal.js';
import type { Reporting } from './key-budgets.js';
import type { KeyRing } from './key-ring.js';

export interface SpeakerParts {
  readonly principal: Principal;
  readonly ring: KeyRing;
  /** The public key in its wire format. */
  readonly blob: Buffer;
  readonly reporting: Reporting;
}

/**
 * The rights of an agent's key to report, by the key file at the time of each report. A key with `host="web1"` reports for that
 * host only, and no other key does.
 */
export function speakerOf({ principal, ring, blob, reporting }: SpeakerParts): Speaker {
  const { fingerprint, comment, address, access } = principal;
  const ownHost = () => ring.find('agent', blob)?.host;
  return {
    key: { fingerprint, comment },
    address,
    access,
    ...reporting,
    owns: (host) => ownHost() === host,
    refusal: (host) => {
      const own = ownHost();
      if (own !== undefined) return own === host ? undefined : `this key is for host ${own} only`;
      return ring.isBound(host) ? `the host name ${host} is kept for another key` : undefined;
    },
  };
}
