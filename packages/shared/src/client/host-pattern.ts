import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether a known_hosts host field names a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): a comma list of patterns with
 * `*` and `?`, where a matching `!pattern` refuses the whole list; or one hashed name, `|1|salt|hash`.
 * @param name `host` or `[host]:port`, in lower case.
 */
export function matchesHostField(field: string, name: string): boolean {
  if (field.startsWith('|')) return matchesHash(field, name);
  let found = false;
  for (const pattern of field.split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern((negated ? pattern.slice(1) : pattern).toLowerCase(), name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
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

/** Wildcard match in time linear in pattern × name: on a mismatch only the last `*` is tried one further. */
function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let retry = 0;
  let p = 0;
  while (at < name.length) {
    if (pattern[p] === '*') {
      star = p;
      retry = at;
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[at])) {
      p += 1;
      at += 1;
    } else if (star >= 0) {
      retry += 1;
      at = retry;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
