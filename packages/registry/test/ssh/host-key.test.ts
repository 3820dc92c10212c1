import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateHostKey, loadHostKey, signingKey } from '@deploy-tools/registry/ssh/host-key.js';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { kindOf } from '../../../shared/test/support/kind-of.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';

const keygen = (...args: string[]) => execFileSync('ssh-keygen', args, { encoding: 'utf8' });

test('every key that is made can be read, also the one in 256 whose public half begins with a zero', () => {
  for (let count = 0; count < 1500; count += 1) {
    expect(ssh2.utils.parseKey(generateHostKey())).not.toBeInstanceOf(Error);
  }
});

test('a missing key is made, for its owner only, and kept', () => {
  const path = join(temporaryDirectory(), 'host_key');
  const made = loadHostKey(path);
  expect(made.type).toBe('ssh-ed25519');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(keygen('-lf', path).split(' ')[1]).toBe(made.fingerprint);
  expect(loadHostKey(path)).toEqual(made);
});

test.each([
  ['OpenSSH', 'ed25519', [], 'ssh-ed25519'],
  ['OpenSSH', 'ecdsa', [], 'ecdsa-sha2-nistp256'],
  ['PEM', 'ecdsa', ['-m', 'PEM'], 'ecdsa-sha2-nistp256'], // as the original makes its own
  ['PEM', 'rsa', ['-m', 'PEM', '-b', '2048'], 'ssh-rsa'],
])('a key in format %s of type %s is taken', (_format, type, options, name) => {
  const path = join(temporaryDirectory(), 'host_key');
  keygen('-q', '-t', type, ...options, '-N', '', '-f', path);
  expect(loadHostKey(path)).toMatchObject({ type: name, fingerprint: keygen('-lf', path).split(' ')[1] });
});

test.each([
  ['ed25519', [], [undefined]],
  ['ecdsa', ['-b', '256'], [undefined]],
  ['ecdsa', ['-b', '384'], [undefined]],
  ['ecdsa', ['-b', '521'], [undefined]],
  ['rsa', ['-b', '2048'], ['sha256', 'sha512']],
])('a key of type %s %s signs as ssh2 would', (type, options, hashes) => {
  const path = join(temporaryDirectory(), 'host_key');
  keygen('-q', '-t', type, ...options, '-N', '', '-f', path);
  const { privateKey } = loadHostKey(path);
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  const data = Buffer.from('an exchange hash');
  for (const hash of hashes)
    expect(parsed.verify(data, signingKey(privateKey).sign(data, hash), hash)).toBe(true);
});

test.each(['1024', '2047'])('an RSA key of %s bits is refused, in either format', (bits) => {
  const dir = temporaryDirectory();
  for (const format of ['PEM', 'RFC4716']) {
    const path = join(dir, format);
    keygen('-q', '-t', 'rsa', '-b', bits, '-m', format, '-N', '', '-f', path);
    expect(() => loadHostKey(path)).toThrow(`cannot be used: it is an RSA key of ${bits} bits`);
  }
});

test('what cannot be used is invalid, names the file and is left as it is', () => {
  const dir = temporaryDirectory();
  keygen('-q', '-t', 'ed25519', '-N', 'secret', '-f', join(dir, 'encrypted'));
  keygen('-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'pair'));
  writeFileSync(join(dir, 'garbage'), 'garbage');
  writeFileSync(join(dir, 'empty'), '');
  for (const name of ['encrypted', 'pair.pub', 'garbage', 'empty']) {
    const path = join(dir, name);
    chmodSync(path, 0o600);
    const before = readFileSync(path);
    expect(kindOf(() => loadHostKey(path))).toBe('invalid');
    expect(() => loadHostKey(path)).toThrow(`the host key ${path} cannot be used`);
    expect(readFileSync(path).equals(before)).toBe(true);
  }
});
