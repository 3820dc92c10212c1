import { BlockList, isIP } from 'node:net';
import { fingerprintOf } from '@deploy-tools/shared/client/fingerprint.js';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { checkHostName } from '@deploy-tools/shared/names.js';
import { matchesWildcard } from '@deploy-tools/shared/wildcard.js';
import ssh2 from 'ssh2';
import { plainAddress } from './peer-address.js';

/** One good line of an authorized_keys file. */
export interface AuthorizedKey {
  readonly key: ssh2.ParsedKey;
  /** The public key in its wire format. */
  readonly blob: Buffer;
  readonly fingerprint: string;
  readonly comment: string;
  /** Returns whether a peer at this address may use the key now (options `from=` and `expiry-time=`). */
  readonly admits: (address: string, now: Date) => boolean;
  /** The only host that the key may report as; no other key may (option `host=`, ours). */
  readonly host: string | undefined;
  /** Patterns of the configurations that the key may read (option `config=`, ours; see core/access.ts); undefined for all. */
  readonly config: string | undefined;
}

const MIN_RSA_BITS = 2048;
const KEY_TYPE = /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+)$/;
/** Options that restrict features which the registry does not have; sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
const HARMLESS = /^(no-)?(agent-forwarding|port-forwarding|pty|user-rc|X11-forwarding)$|^restrict$/i;

/** The parsed lines of a key file. */
export interface AuthorizedKeys {
  /** The keys of the good lines, each once. */
  readonly keys: readonly AuthorizedKey[];
  /** The number and the fault of each bad line: `line 3: not a public key`. */
  readonly problems: readonly string[];
}

/**
 * Parses a file in OpenSSH's authorized_keys format. A line with an unsupported option is bad: ignoring a restriction would
 * admit more than its author meant. A key that an earlier line has with other options is bad too; with the same options the
 * line is skipped.
 * @param role of the keys: only agents' keys may have `host=` and `config=`.
 */
export function parseAuthorizedKeys(text: string, role: Role): AuthorizedKeys {
  const keys: AuthorizedKey[] = [];
  const problems: string[] = [];
  const earlier = new Map<string, { readonly number: number; readonly options: string }>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const number = index + 1;
    try {
      const { key, options } = parseLine(line, role);
      const same = earlier.get(key.fingerprint);
      if (same === undefined) {
        earlier.set(key.fingerprint, { number, options });
        keys.push(key);
      } else if (same.options !== options) {
        throw new Error(`line ${same.number} has the same key with other options`);
      }
    } catch (error) {
      problems.push(`line ${number}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { keys, problems };
}

function parseLine(line: string, role: Role): { readonly key: AuthorizedKey; readonly options: string } {
  const { options, rest } = splitOptions(line);
  const [type = '', base64 = '', ...comment] = rest.split(/[ \t]+/);
  if (type.startsWith('sk-')) throw new Error(`keys of type ${type} are not supported`);
  if (type === 'ssh-dss') throw new Error('DSA keys are too weak');
  const blob = Buffer.from(base64, 'base64');
  if (base64 === '' || blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) {
    throw new Error('not a public key');
  }
  const parsed = ssh2.utils.parseKey(`${type} ${base64}`);
  if (parsed instanceof Error || parsed.type !== type || parsed.isPrivateKey())
    throw new Error('not a public key');
  if (type === 'ssh-rsa' && rsaBits(blob) < MIN_RSA_BITS)
    throw new Error(`RSA key of less than ${MIN_RSA_BITS} bits`);
  const key = {
    key: parsed,
    blob: parsed.getPublicSSH(),
    fingerprint: fingerprintOf(parsed.getPublicSSH()),
    comment: comment.join(' '),
    ...readOptions(options, role),
  };
  return { key, options };
}

function splitOptions(line: string): { options: string; rest: string } {
  const first = line.split(/[ \t]/, 1)[0] ?? '';
  if (KEY_TYPE.test(first)) return { options: '', rest: line };
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at];
    if (char === '\\' && line[at + 1] === '"') at += 1;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && (char === ' ' || char === '\t')) {
      return { options: line.slice(0, at), rest: line.slice(at).trim() };
    }
  }
  throw new Error(quoted ? 'a quote is not closed' : 'not a public key');
}

function readOptions(options: string, role: Role): Pick<AuthorizedKey, 'admits' | 'host' | 'config'> {
  let host: string | undefined;
  let config: string | undefined;
  const checks: AuthorizedKey['admits'][] = [];
  const list: readonly string[] = options.match(/(?:[^,"\\]|\\.|"(?:[^"\\]|\\.)*")+/g) ?? [];
  if (list.join(',') !== options) throw new Error('the options are malformed');
  for (const option of list) {
    const [, name = '', quoted] = /^([^=]+)(?:="(.*)")?$/s.exec(option) ?? [];
    if (HARMLESS.test(name) && quoted === undefined) continue;
    const value = quoted?.replaceAll('\\"', '"');
    if (/^from$/i.test(name) && value !== undefined) checks.push(fromPatterns(value));
    else if (/^expiry-time$/i.test(name) && value !== undefined) checks.push(expiry(value));
    else if (role === 'agent' && /^host$/i.test(name) && value !== undefined && host === undefined) {
      host = checkHostName(value);
    } else if (role === 'agent' && /^config$/i.test(name) && value !== undefined && config === undefined) {
      config = checkPatterns(value);
    } else throw new Error(`option ${name === '' ? option : name} is not supported`);
  }
  const admits: AuthorizedKey['admits'] = (address, now) =>
    checks.every((check) => check(plainAddress(address), now));
  return { admits, host, config };
}

/** Returns the list unchanged. @throws Error when it has an empty pattern. */
function checkPatterns(config: string): string {
  if (config.split(',').every((pattern) => /^!?[^!]/.test(pattern.trim()))) return config;
  throw new Error(`config="${config}" has an empty pattern`);
}

/** Reads `from="10.0.0.0/8,!10.1.2.3,192.168.1.*"`: one pattern has to match, and no negated one. */
function fromPatterns(list: string): AuthorizedKey['admits'] {
  const patterns = list.split(',').map((item) => {
    const pattern = item.trim();
    const negated = pattern.startsWith('!');
    return { negated, matches: addressPattern(negated ? pattern.slice(1) : pattern) };
  });
  return (address) =>
    patterns.some(({ negated, matches }) => !negated && matches(address)) &&
    !patterns.some(({ negated, matches }) => negated && matches(address));
}

function addressPattern(pattern: string): (address: string) => boolean {
  const [, network = '', prefix] = /^([0-9a-fA-F.:]+)\/(\d+)$/.exec(pattern) ?? [];
  const list = new BlockList();
  if (prefix !== undefined) list.addSubnet(network, Number(prefix), familyOf(network));
  else if (isIP(pattern) !== 0) list.addAddress(pattern, familyOf(pattern));
  else return wildcardPattern(pattern);
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

function wildcardPattern(pattern: string): (address: string) => boolean {
  if (!/^[0-9a-fA-F.:*?]+$/.test(pattern))
    throw new Error(`from="${pattern}": only addresses are supported, not names`);
  return (address) => matchesWildcard(pattern.toLowerCase(), address.toLowerCase());
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** Reads `YYYYMMDD[HHMM[SS]][Z]`; local time without Z, as in sshd. */
function expiry(text: string): AuthorizedKey['admits'] {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/.exec(text);
  if (match === null) throw new Error(`expiry-time="${text}" is not a time`);
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone] = match;
  const end = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  if (Number.isNaN(end.getTime())) throw new Error(`expiry-time="${text}" is not a time`);
  return (_address, now) => now < end;
}

/** The length of the modulus, which is the third field of the blob (RFC 4253, section 6.6). */
function rsaBits(blob: Buffer): number {
  let at = 0;
  for (let field = 0; field < 2; field += 1) at += 4 + blob.readUInt32BE(at);
  const length = blob.readUInt32BE(at);
  return (blob[at + 4] === 0 ? length - 1 : length) * 8;
}
