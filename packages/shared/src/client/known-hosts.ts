import { createHmac, timingSafeEqual } from 'node:crypto';
import { matchesPatternList } from '../wildcard.js';
import type { Address } from './address.js';
import { keyTypeOf } from './fingerprint.js';

export interface KnownHost {
  /** As written: a pattern list or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  /** The public key blob of RFC 4253, section 6.6. */
  readonly key: Buffer;
  readonly revoked: boolean;
}

/** A line that was not taken, from 1, and why. Blank lines and comments are not listed. */
export interface SkippedLine {
  readonly line: number;
  readonly reason: string;
}

export interface KnownHosts {
  readonly entries: readonly KnownHost[];
  readonly skipped: readonly SkippedLine[];
}

/**
 * - match: this very key is known for the host
 * - mismatch: another key of the same type is known
 * - unknown: no key of this type is known
 * - revoked: the key is marked @revoked for the host
 */
export type HostKeyVerdict = 'match' | 'mismatch' | 'unknown' | 'revoked';

/**
 * Reads an OpenSSH known_hosts file (sshd(8)). A line that OpenSSH would skip is skipped: one bad line never makes the
 * others unusable.
 */
export function parseKnownHosts(text: string): KnownHosts {
  const entries: KnownHost[] = [];
  const skipped: SkippedLine[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/^[ \t]+|[ \t\r]+$/g, '');
    if (line === '' || line.startsWith('#')) continue;
    const entry = parseLine(line);
    if (typeof entry === 'string') skipped.push({ line: index + 1, reason: entry });
    else entries.push(entry);
  }
  return { entries, skipped };
}

/** The entry, or why there is none. */
function parseLine(line: string): KnownHost | string {
  const words = line.split(/[ \t]+/);
  const marker = line.startsWith('@') ? words.shift() : undefined;
  if (marker === '@cert-authority') return 'host certificates are not supported';
  if (marker !== undefined && marker !== '@revoked') return `unknown marker ${marker}`;
  const [hosts, keyType, encoded] = words;
  if (hosts === undefined || keyType === undefined || encoded === undefined) return 'too few fields';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return 'the key is not base64';
  const key = Buffer.from(encoded, 'base64');
  if (keyTypeOf(key) !== keyType) return `the key is not of type ${keyType}`;
  return { hosts, keyType, key, revoked: marker === '@revoked' };
}

/** What a known_hosts file says about a key that a host showed. */
export function checkHostKey(known: KnownHosts, address: Address, key: Uint8Array): HostKeyVerdict {
  const named = hostNames(address).map((name) => judge(known, name, key));
  if (named.includes('revoked')) return 'revoked';
  const [exact = 'unknown', portless] = named;
  return exact === 'unknown' && portless === 'match' ? 'match' : exact;
}

/** The types of the keys known for a host, in file order: a client asks for these first, as OpenSSH does. */
export function knownKeyTypes(known: KnownHosts, address: Address): readonly string[] {
  for (const name of hostNames(address)) {
    const types = known.entries
      .filter((entry) => !entry.revoked && matchesHostField(entry.hosts, name))
      .map((entry) => entry.keyType);
    if (types.length > 0) return [...new Set(types)];
  }
  return [];
}

/**
 * The names under which OpenSSH looks a host up: `[host]:port` for any port but 22, then `host` alone, where only a
 * matching or a revoked key counts.
 */
function hostNames({ host, port }: Address): readonly string[] {
  const name = host.toLowerCase();
  return port === 22 ? [name] : [`[${name}]:${port}`, name];
}

function judge(known: KnownHosts, name: string, key: Uint8Array): HostKeyVerdict {
  const type = keyTypeOf(key);
  let verdict: HostKeyVerdict = 'unknown';
  for (const entry of known.entries) {
    if (!matchesHostField(entry.hosts, name)) continue;
    const same = entry.key.equals(key);
    if (entry.revoked) {
      if (same) return 'revoked';
    } else if (same) {
      verdict = 'match';
    } else if (entry.keyType === type && verdict === 'unknown') {
      verdict = 'mismatch';
    }
  }
  return verdict;
}

/**
 * Whether a known_hosts host field names a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): a comma list of patterns with
 * `*` and `?`, where a matching `!pattern` refuses the whole list; or one hashed name, `|1|salt|hash`.
 * @param name `host` or `[host]:port`, in lower case.
 */
function matchesHostField(field: string, name: string): boolean {
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
