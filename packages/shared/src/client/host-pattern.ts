import { createHmac, timingSafeEqual } from 'node:crypto';
import { matchesPatternList } from '../wildcard.js';

/**
 * Whether a known_hosts host field names a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): a comma list of patterns with
 * `*` and `?`, where a matching `!pattern` refuses the whole list; or one hashed name, `|1|salt|hash`.
 * @param name `host` or `[host]:port`, in lower case.
 */
export function matchesHostField(field: string, name: string): boolean {
  if (field.startsWith('|')) return matchesHash(field, name);
  return matchesPatternList(field.toLowerCase(), name);
}

/** HMAC-SHA1 of the name, keyed with the salt, both in base64 and 20 bytes. */
function matchesHash(field: string, name: string): boolean {
  const match = /^\|1\|([A-Za-z0-9+/]+=*)\|([A-Za-z0-9+/]+=*)$/.exec(field);
  if (match === null) return false;
  const salt = Buffer.from(match[1] ?? '', 'base64');
  const expected = Buffer.from(match[2] ?? '', 'base64');
  if (salt.length !== 20 || expected.length !== 20) return false;
  return timingSafeEqual(createHmac('sha1', salt).update(name).digest(), expected);
}
