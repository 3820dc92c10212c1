import { DeployError } from './errors.js';
import type { LayerRef } from './model.js';

/** The SSH user name that agents connect with; any other is an operator's. */
export const AGENT_USER = 'deploy-agent';

/** Upper bound on names and versions, in bytes of UTF-8: with `.json` appended they still fit a file name. */
export const MAX_NAME_BYTES = 200;

/** What DNS allows (RFC 1035, section 2.3.4). */
const MAX_HOST_NAME = 253;

/** Checks a component's name: no `:`, which separates it from its version. */
export function checkComponentName(name: string): string {
  return checkWord('component name', name, ':');
}

/** Checks a version: any printable text; spaces and colons are allowed, as in the Go deploy-tools. */
export function checkVersion(version: string): string {
  return checkWord('version', version, '');
}

/** Checks a configuration's name, which is a file name for agents: no `/`, not `.` or `..`. */
export function checkConfigurationName(name: string): string {
  return checkWord('configuration name', name, '/');
}

/** Checks a host's name: the characters of host names and addresses; case matters. */
export function checkHostName(host: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]*$/.test(host) || host.length > MAX_HOST_NAME) {
    throw new DeployError('invalid', 'a host name has letters, digits, ".", "-", "_" and ":" only', {
      hint: `and begins with a letter or digit; at most ${MAX_HOST_NAME} of them`,
    });
  }
  return host;
}

/** Checks an archive hash, 64 hex digits; returns it in lower case. */
export function checkArchiveHash(hash: string): string {
  if (!/^[0-9a-f]{64}$/i.test(hash)) {
    throw new DeployError(
      'invalid',
      'hash should be a hex representation of content sha256 sum, 64 chars long',
    );
  }
  return hash.toLowerCase();
}

/** The kind of a name, in messages. */
export type NameKind = 'component name' | 'version' | 'configuration name';

/**
 * Checks a new name: it must not be invisible or look like another name. Existing names stay usable, so the checks above do not
 * require this.
 * @throws DeployError invalid.
 */
export function checkNewName(kind: NameKind, name: string): void {
  const [char] = /\p{Default_Ignorable_Code_Point}|\u2800|(?! )\p{Zs}/u.exec(name) ?? [];
  if (char !== undefined) {
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw new DeployError('invalid', `${kind} cannot contain the character U+${code}`, {
      hint: 'it is invisible, or a space that looks like the plain one',
    });
  }
  if (name.normalize('NFC') !== name) {
    throw new DeployError('invalid', `${kind} is not in the normal form NFC of Unicode`, {
      hint: `write it as "${name.normalize('NFC')}", which looks the same`,
    });
  }
}

/** Splits `component:version` at the first colon and checks both. */
export function parseLayerRef(text: string): LayerRef {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) {
    throw new DeployError('usage', `invalid layer "${text}"`, { hint: 'write it as component:version' });
  }
  return {
    component: checkComponentName(text.slice(0, colon)),
    version: checkVersion(text.slice(colon + 1)),
  };
}

function checkWord(what: string, word: string, separators: string): string {
  if (word === '') throw new DeployError('invalid', `${what} should be set`);
  for (const separator of separators) {
    if (word.includes(separator))
      throw new DeployError('invalid', `${what} cannot contain ${separator} symbol`);
  }
  if (Buffer.byteLength(word) > MAX_NAME_BYTES) {
    throw new DeployError('invalid', `${what} is longer than ${MAX_NAME_BYTES} bytes`);
  }
  // Cc, Cf (bidirectional overrides, zero width), line and paragraph separators, lone surrogates: people who compare names cannot
  // see them. U+FFFD replaces bytes that were not UTF-8.
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\uFFFD]/u.test(word)) {
    throw new DeployError('invalid', `${what} cannot contain control characters`);
  }
  if (word === '.' || word === '..') throw new DeployError('invalid', `${what} cannot be "${word}"`);
  if (word.trim() !== word) throw new DeployError('invalid', `${what} cannot begin or end with a space`);
  return word;
}
