import { type AuthenticationPolicy, authenticate } from '@deploy-tools/registry/ssh/authenticate.js';
import { parseAuthorizedKeys } from '@deploy-tools/registry/ssh/authorized-keys.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import type ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { sshKeyPair } from '../../../../test/support/ssh-key-pair.js';

const { keys } = parseAuthorizedKeys(sshKeyPair().public, 'operator');
const [key] = keys;
if (key === undefined) throw new Error('no key');

const policy: AuthenticationPolicy = {
  ring: {
    find: () => key,
    isBound: () => false,
    onChange: () => undefined,
    troubles: () => [],
    close: async () => undefined,
  },
  clock: () => new Date(),
  address: '192.0.2.1',
  allowSha1: false,
};
const log = await createLogger('test', 'silent');

/** What becomes of the question whether this user's key would do. */
function ask(username: string): string {
  let accepted = false;
  const context = {
    method: 'publickey',
    username,
    key: { algo: 'ssh-ed25519', data: key?.blob },
    accept: () => {
      accepted = true;
    },
  };
  const result = authenticate(policy, context as unknown as ssh2.AuthContext, log);
  if (result === undefined) return accepted ? 'accepted' : 'unanswered';
  return result.ok ? 'admitted' : result.reason;
}

test.each(['ops', 'Jürgen', 'a b', 'x'.repeat(64), ''])('the user %j may log in', (name) => {
  expect(ask(name)).toBe('accepted');
});

test.each([
  ['a line break', 'x\ny'],
  ['a tab', 'a\tb'],
  ['ESC', '\x1b[31m'],
  ['CSI', '\u009b31m'],
  ['a reversal of the text', 'x\u202e'],
  ['NUL', '\0'],
  ['a line separator', 'a\u2028b'],
])('a user name with %s may not: histories and the audit log show it', (_what, name) => {
  expect(ask(name)).toBe('the user name has control characters');
});

test.each([65, 34_000])('a user name of %i bytes may not', (length) => {
  expect(ask('x'.repeat(length))).toBe('the user name is longer than 64 bytes');
  expect(ask('ü'.repeat(length / 2 + 1))).toBe('the user name is longer than 64 bytes');
});
