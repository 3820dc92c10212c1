import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory that is gone when the test is over. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

export interface KeyFile {
  readonly path: string;
  /** The line of the .pub file. */
  readonly publicLine: string;
  /** The public key blob. */
  readonly blob: Buffer;
  /** As ssh-keygen -l prints it. */
  readonly fingerprint: string;
}

/** Makes a key pair with the real ssh-keygen. A passphrase is hashed in one round: ssh2 takes half a second for the usual sixteen. */
export function makeKey(dir: string, name: string, ...options: string[]): KeyFile {
  const path = join(dir, name);
  const type = options.includes('-t') ? [] : ['-t', 'ed25519'];
  const passphrase = options.includes('-N') ? ['-a', '1'] : ['-N', ''];
  execFileSync('ssh-keygen', ['-q', ...type, ...passphrase, '-C', name, ...options, '-f', path]);
  const publicLine = readFileSync(`${path}.pub`, 'utf8').trim();
  const fingerprint = execFileSync('ssh-keygen', ['-lf', `${path}.pub`], { encoding: 'utf8' }).split(' ')[1];
  return {
    path,
    publicLine,
    blob: Buffer.from(publicLine.split(' ')[1] ?? '', 'base64'),
    fingerprint: fingerprint ?? '',
  };
}
