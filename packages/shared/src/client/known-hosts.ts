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

export type KnownHosts = readonly KnownHost[];

/**
 * - match: this very key is known for the host
 * - mismatch: another key of the same type is known
 * - unknown: no key of this type is known
 * - revoked: the key is marked @revoked for the host
 */
export type HostKeyVerdict = 'match' | 'mismatch' | 'unknown' | 'revoked';

/** Reads an OpenSSH known_hosts file (sshd(8)). Skips the lines that OpenSSH skips, and certificates of hosts. */
export function parseKnownHosts(text: string): KnownHosts {
  const lines = text.split('\n').map((line) => line.replace(/^[ \t]+|[ \t\r]+$/g, ''));
  return lines.filter((line) => !line.startsWith('#')).flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): KnownHost | undefined {
  const words = line.split(/[ \t]+/);
  const marker = line.startsWith('@') ? words.shift() : undefined;
  const [hosts, keyType, encoded] = words;
  if ((marker !== undefined && marker !== '@revoked') || hosts === undefined) return undefined;
  if (encoded === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const key = Buffer.from(encoded, 'base64');
  if (keyType === undefined || keyTypeOf(key) !== keyType) return undefined;
  return { hosts, keyType, key, revoked: marker === '@revoked' };
}

/** Judges the key that a host presents by a known_hosts file. */
export function checkHostKey(known: KnownHosts, address: Address, key: Uint8Array): HostKeyVerdict {
  const named = hostNames(address).map((name) => judge(known, name, key));
  if (named.includes('revoked')) return 'revoked';
  const [exact = 'unknown', portless] = named;
  return exact === 'unknown' && portless === 'match' ? 'match' : exact;
}

/** The types of the keys known for a host, in file order: a client asks for these first, as OpenSSH does. */
export function knownKeyTypes(known: KnownHosts, address: Address): readonly string[] {
  for (const name of hostNames(address)) {
    const types = known
      .filter((entry) => !entry.revoked && matchesHostField(entry.hosts, name))
      .map((entry) => entry.keyType);
    if (types.length > 0) return [...new Set(types)];
  }
  return [];
}

/**
 * The names under which OpenSSH looks up a host: `[host]:port` for any port but 22, then `host` alone, where only a
 * matching or a revoked key counts.
 */
function hostNames({ host, port }: Address): readonly string[] {
  const name = host.toLowerCase();
  return port === 22 ? [name] : [`[${name}]:${port}`, name];
}

function judge(known: KnownHosts, name: string, key: Uint8Array): HostKeyVerdict {
  const type = keyTypeOf(key);
  let verdict: HostKeyVerdict = 'unknown';
  for (const entry of known) {
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
