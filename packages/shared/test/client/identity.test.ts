import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAgent } from '@deploy-tools/shared/client/agent-socket.js';
import { connect } from '@deploy-tools/shared/client/connect.js';
import { fingerprintOf, parseFingerprint } from '@deploy-tools/shared/client/fingerprint.js';
import { keyLabels } from '@deploy-tools/shared/client/identity.js';
import { isKeyFileEncrypted, loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeKey, temporaryDirectory } from './ssh-tools.js';
import { startTestServer } from './test-server.js';

const KINDS: [string, string[]][] = [
  ['ed25519 in OpenSSH format', ['-t', 'ed25519']],
  ['ECDSA P-256 in OpenSSH format', ['-t', 'ecdsa', '-b', '256']],
  ['RSA in OpenSSH format', ['-t', 'rsa', '-b', '2048']],
  ['ECDSA P-256 in PEM format', ['-t', 'ecdsa', '-b', '256', '-m', 'PEM']],
  ['RSA in PEM format', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
  ['ECDSA P-256 in PKCS#8 format', ['-t', 'ecdsa', '-b', '256', '-m', 'PKCS8']],
  ['RSA in PKCS#8 format', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8']],
];

describe.each(KINDS)('a key file, %s', (_kind, options) => {
  test('is loaded, and its fingerprint is that of ssh-keygen', async () => {
    const key = makeKey(temporaryDirectory(), 'key', ...options);
    expect(await loadKeyFile(key.path)).toMatchObject({ label: `${key.path} (${key.fingerprint})` });
    expect(await isKeyFileEncrypted(key.path)).toBe(false);
  });

  test('with a passphrase asks until it is right, three times', async () => {
    const key = makeKey(temporaryDirectory(), 'key', ...options, '-N', 'secret');
    expect(await isKeyFileEncrypted(key.path)).toBe(true);
    const asked: number[] = [];
    const answers = ['wrong', 'also wrong', 'secret'];
    const ask = async (_path: string, attempt: number) => {
      asked.push(attempt);
      return answers[attempt - 1];
    };
    expect(await loadKeyFile(key.path, ask)).toMatchObject({ kind: 'key' });
    expect(asked).toEqual([1, 2, 3]);
    await expect(loadKeyFile(key.path, async () => 'wrong')).rejects.toMatchObject({
      kind: 'auth',
      message: `wrong passphrase for key ${key.path}`,
    });
    await expect(loadKeyFile(key.path)).rejects.toMatchObject({
      message: expect.stringMatching(/needs a passphrase/),
    });
  });
});

describe('a file that is no private key', () => {
  test.each([
    ['nothing', ''],
    ['text', 'hello\n'],
    [
      'a cut key',
      '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n',
    ],
    ['a damaged PKCS#8 key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['a long file', 'x'.repeat(100_000)],
  ])('%s is refused', async (_name, content) => {
    const path = join(temporaryDirectory(), 'key');
    writeFileSync(path, content);
    await expect(loadKeyFile(path)).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining(path),
    });
  });

  test('a public key is refused', async () => {
    const key = makeKey(temporaryDirectory(), 'key');
    await expect(loadKeyFile(`${key.path}.pub`)).rejects.toMatchObject({
      message: expect.stringMatching(/public key/),
    });
  });

  test('a missing file is refused', async () => {
    await expect(loadKeyFile('/nonexistent/key')).rejects.toMatchObject({
      kind: 'auth',
      hint: expect.stringContaining('-key'),
    });
  });
});

describe('ssh-agent', () => {
  test('gives its keys, which authenticate in turn', async () => {
    const dir = temporaryDirectory();
    const [host, wrong, right] = [
      makeKey(dir, 'host'),
      makeKey(dir, 'wrong'),
      makeKey(dir, 'right', '-t', 'rsa', '-b', '2048'),
    ];
    const socket = await startAgent(dir);
    const empty = connectAgent(socket);
    await expect(empty).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/has no keys/),
    });
    for (const key of [wrong, right]) {
      execFileSync('ssh-add', ['-q', key.path], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    }
    const credential = await connectAgent(socket);
    expect(keyLabels({ credentials: [credential] })).toEqual([
      `agent key wrong (${wrong.fingerprint})`,
      `agent key right (${right.fingerprint})`,
    ]);
    const server = await startTestServer({ hostKeys: [host], clientKeys: [right] });
    const connection = await connect({
      addr: server.addr,
      user: 'ops',
      identity: { credentials: [credential] },
      hostKey: { fingerprint: host.fingerprint },
    });
    connection.close();
    expect(server.users).toEqual(['ops']);
  });

  test('that is not there is an error that says what to do', async () => {
    await expect(connectAgent(undefined)).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/SSH_AUTH_SOCK is not set/),
      hint: expect.stringContaining('-key'),
    });
    await expect(connectAgent('/nonexistent/socket')).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/the ssh-agent at \/nonexistent\/socket cannot be used/),
    });
  });
});

describe('a fingerprint', () => {
  test.each([
    (text: string) => text,
    (text: string) => `${text}=`,
    (text: string) => text.replace('SHA256', 'sha256'),
  ])('is accepted in the forms people paste', (form) => {
    const fingerprint = fingerprintOf(Buffer.from('key'));
    expect(parseFingerprint(form(fingerprint))).toBe(fingerprint);
  });

  test.each([
    '',
    'SHA256:',
    'MD5:aa:bb',
    `SHA256:${'A'.repeat(42)}`,
    `SHA256:${'A'.repeat(44)}`,
    'A'.repeat(43),
  ])('%j is refused', (text) => {
    expect(() => parseFingerprint(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});

/** @returns the socket of an ssh-agent of our own, which ends with the test. */
async function startAgent(dir: string): Promise<string> {
  const socket = join(dir, 'agent.sock');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    agent.kill();
  });
  await once(agent.stdout, 'data'); // it prints its variables once it listens
  return socket;
}
