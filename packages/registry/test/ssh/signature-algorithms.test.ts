import { authenticate } from '@deploy-tools/registry/ssh/authenticate.js';
import { parseAuthorizedKeys } from '@deploy-tools/registry/ssh/authorized-keys.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { sshKeyPair } from '../../../../test/support/ssh-key-pair.js';

type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

const PAIRS = {
  ed25519: sshKeyPair(),
  ecdsa: ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }),
  rsa: ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 }),
};
const log = await createLogger('test', 'silent');
const blob = Buffer.from('what is signed');

/** What becomes of a good signature that the client says to have made so. */
function resultOf(type: KeyType, algo: string, hashAlgo?: string, allowSha1 = false): string {
  const [key] = parseAuthorizedKeys(PAIRS[type].public, 'operator').keys;
  const secret = ssh2.utils.parseKey(PAIRS[type].private);
  if (key === undefined || secret instanceof Error) throw new Error('no key');
  const ring = {
    find: () => key,
    isBound: () => false,
    onChange: () => undefined,
    troubles: () => [],
    close: async () => undefined,
  };
  const signature = secret.sign(blob, hashAlgo ?? (type === 'rsa' ? 'sha1' : undefined));
  const context = {
    method: 'publickey',
    username: 'ops',
    key: { algo, data: key.blob },
    hashAlgo,
    blob,
    signature,
  };
  const policy = { ring, clock: () => new Date(), address: '192.0.2.1', allowSha1 };
  const result = authenticate(policy, context as unknown as ssh2.AuthContext, log);
  if (result === undefined) return 'unanswered';
  return result.ok ? 'admitted' : result.reason;
}

test.each<[KeyType, string, string | undefined]>([
  ['ed25519', 'ssh-ed25519', undefined],
  ['ecdsa', 'ecdsa-sha2-nistp256', undefined],
  ['rsa', 'ssh-rsa', 'sha256'],
  ['rsa', 'ssh-rsa', 'sha512'],
])('a key of type %s signs with what belongs to it (%s, %s)', (type, algo, hash) => {
  expect(resultOf(type, algo, hash)).toBe('admitted');
});

test('RSA with SHA-1 is for old clients only', () => {
  expect(resultOf('rsa', 'ssh-rsa')).toBe('RSA signature with SHA-1');
  expect(resultOf('rsa', 'ssh-rsa', undefined, true)).toBe('admitted');
});

test.each<[KeyType, string]>([
  ['rsa', 'rsa-sha1-please'],
  ['rsa', 'ssh-ed25519'],
  ['ed25519', 'ssh-rsa'],
  ['ecdsa', 'ecdsa-sha2-nistp384'],
])('a key of type %s with an algorithm called %s is refused, -compat or not', (type, algo) => {
  for (const allowSha1 of [false, true]) {
    expect(resultOf(type, algo, undefined, allowSha1)).toMatch(/^algorithm .* for a key of type /);
  }
});
