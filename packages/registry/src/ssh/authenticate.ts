import { fingerprintOf } from '@deploy-tools/shared/client/fingerprint.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { AGENT_USER } from '@deploy-tools/shared/names.js';
import { excerpt, printableLine } from '@deploy-tools/shared/printable.js';
import type { AuthContext, PublicKeyAuthContext } from 'ssh2';
import { accessTo } from '../core/access.js';
import type { Principal } from '../core/principal.js';
import type { AuthorizedKey } from './authorized-keys.js';
import type { KeyRing } from './key-ring.js';

const MAX_USER_BYTES = 64;

/** The rules for the authentication of one peer. */
export interface AuthenticationPolicy {
  readonly ring: KeyRing;
  /** The peer's IP address. */
  readonly address: string;
  readonly clock: () => Date;
  /** Whether RSA signatures with SHA-1 are accepted, for old clients. */
  readonly allowSha1: boolean;
}

export type Authentication =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly reason: string };

/**
 * Decides on one authentication request. The keys of agents belong to user `deploy-agent`, those of operators to any other user.
 * @returns undefined for a query without a signature, which is answered here.
 */
export function authenticate(
  policy: AuthenticationPolicy,
  context: AuthContext,
  log: Logger,
): Authentication | undefined {
  if (context.method === 'none') return { ok: false, reason: 'no key offered' };
  if (context.method !== 'publickey')
    return { ok: false, reason: `method ${excerpt(context.method)} is not offered` };
  const unfit = unfitUser(context.username);
  if (unfit !== undefined) return { ok: false, reason: unfit };
  const found = findKey(policy, context);
  if (typeof found === 'string') {
    log.debug({ fingerprint: fingerprintOf(context.key.data), reason: found }, 'key refused');
    return { ok: false, reason: found };
  }
  const { role, key } = found;
  if (context.signature === undefined || context.blob === undefined) {
    // Accepts the key, so that the client signs with it. The answer has to name the algorithm of the query (RFC 4252, section 7),
    // which ssh2 has replaced by the key's type; clients in Go insist on it.
    if (context.hashAlgo !== undefined) context.key.algo = `rsa-sha2-${context.hashAlgo.slice('sha'.length)}`;
    context.accept();
    return undefined;
  }
  if (key.key.verify(context.blob, context.signature, context.hashAlgo) !== true) {
    return { ok: false, reason: 'wrong signature' };
  }
  const { fingerprint, comment } = key;
  const { address } = policy;
  const access = accessTo(key.config);
  return { ok: true, principal: { role, user: context.username, fingerprint, comment, address, access } };
}

/** The reason to refuse a user name; names are shown in histories and the audit log. */
function unfitUser(name: string): string | undefined {
  if (Buffer.byteLength(name) > MAX_USER_BYTES) return `the user name is longer than ${MAX_USER_BYTES} bytes`;
  return printableLine(name) === name ? undefined : 'the user name has control characters';
}

function findKey(
  policy: AuthenticationPolicy,
  context: PublicKeyAuthContext,
): { role: Principal['role']; key: AuthorizedKey } | string {
  const role = context.username === AGENT_USER ? 'agent' : 'operator';
  const key = policy.ring.find(role, context.key.data);
  if (key === undefined) return `unknown ${role} key`;
  if (!key.admits(policy.address, policy.clock()))
    return 'the key may not be used from this address or at this time';
  const refused = refusedAlgorithm(context, key, policy.allowSha1);
  return refused ?? { role, key };
}

/**
 * The reason to refuse an algorithm that does not belong to the key (RFC 8332 for RSA). ssh2 would verify a signature of an unknown
 * algorithm with SHA-1. For `rsa-sha2-256` and `-512` it reports `ssh-rsa` and the hash.
 */
function refusedAlgorithm(
  { key: { algo }, hashAlgo }: PublicKeyAuthContext,
  { key }: AuthorizedKey,
  allowSha1: boolean,
): string | undefined {
  if (algo !== key.type) return `algorithm ${algo.slice(0, 64)} for a key of type ${key.type}`;
  if (key.type !== 'ssh-rsa' || hashAlgo === 'sha256' || hashAlgo === 'sha512') return undefined;
  return allowSha1 ? undefined : 'RSA signature with SHA-1';
}
